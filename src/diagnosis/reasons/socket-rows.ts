// SPDX-License-Identifier: Apache-2.0
// Drop reasons of sockets, UDP and TCP. From net/core/sock.c, net/ipv4/udp.c, net/ipv4/tcp_*.c of Linux 6.1 to 7.3.
import { type DropRemedy, type DropRow, type DropRows, harmless, onHost } from './drop-row.ts';

/** Never without a kind: of those that the kernel does not list ss says "Invalid argument". */
const socketsOf = (kinds: string): DropRemedy =>
  onHost(
    `ss -${kinds}anmp`,
    'Shows each socket with its buffers (skmem: r is used, rb the limit, d the drops) and its program.',
  );
const sockets = socketsOf('tuw');
const tcpSockets = socketsOf('t');
/** UDP and raw: no TCP socket drops for that reason. */
const datagramSockets = socketsOf('uw');

const largerBuffer: DropRemedy = onHost(
  'sysctl -w net.core.rmem_max=8388608',
  'Lets programs ask for up to 8 MB (SO_RCVBUF); the program then has to ask, or to read faster.',
);

function signature(fault: string): readonly DropRow[] {
  return [
    {
      class: 'loss',
      cause: `${fault}: both ends of the connection need the same key`,
      remedies: [
        onHost(
          'nstat -az',
          'TCPMD5… and TCPAO… that grow say which; the log names the addresses. BGP daemons set these keys.',
        ),
      ],
    },
  ];
}

const strange = (what: string): readonly DropRow[] => [
  {
    class: 'noise',
    cause: what,
    remedies: [
      onHost(
        'nstat -az',
        'TCPChallengeACK, PAWS… or OutOfWindowIcmps that grow say which; ss -ti shows the connections.',
      ),
    ],
  },
];

export const SOCKET_ROWS: DropRows = {
  NO_SOCKET: [
    {
      class: 'noise',
      cause: 'no program of the host listens on the port, or the connection has ended',
      remedies: [
        onHost('ss -lntup', 'Shows the ports on which a program listens; the sender gets a refusal (RST, ICMP).'),
      ],
    },
  ],
  SOCKET_CLOSE: [harmless('they waited in a socket that was closed')],
  QUEUE_PURGE: [harmless('they waited in a queue that was emptied: a socket was closed, or a device taken down')],
  SOCKET_FILTER: [
    {
      class: 'meant',
      cause: 'a filter of the receiving program’s socket or cgroup refuses them',
      remedies: [
        onHost(
          'bpftool cgroup tree',
          'Shows BPF programs of cgroups (systemd’s IPAddressDeny). A program’s own filter is in ss -0pb, or its code.',
        ),
        sockets,
      ],
    },
  ],
  SOCKET_RCVBUFF: [
    {
      class: 'loss',
      cause: 'a socket of the host that they were for is full: its program reads too slowly',
      remedies: [datagramSockets, largerBuffer],
    },
  ],
  SOCKET_BACKLOG: [
    {
      class: 'loss',
      cause: 'a socket of the host that they were for is busy, and its backlog is full',
      remedies: [tcpSockets, largerBuffer],
    },
  ],
  PROTO_MEM: [
    {
      class: 'loss',
      cause: 'the host’s memory for TCP or UDP buffers is used up (tcp_mem, udp_mem)',
      remedies: [
        onHost(
          'sysctl net.ipv4.tcp_mem net.ipv4.udp_mem',
          'Shows the limits, in pages; /proc/net/sockstat what is used. ss -tanmp shows who holds it.',
        ),
      ],
    },
  ],
  PACKET_SOCK_ERROR: [harmless('copies for a packet socket (a sniffer) that could not take them')],
  SECURITY_HOOK: [
    {
      class: 'meant',
      cause: 'a security module of the host (SELinux, Smack, BPF LSM) refuses them',
      remedies: [
        onHost('ausearch -m avc -ts recent', 'Shows what SELinux refused; journalctl -k has other modules’ messages.'),
      ],
    },
  ],
  TCP_AUTH_HDR: signature('their TCP-MD5 or TCP-AO option is malformed, or there twice'),
  TCP_MD5NOTFOUND: signature('they lack the TCP-MD5 signature that the host’s socket asks for'),
  TCP_MD5UNEXPECTED: signature('they have a TCP-MD5 signature that the host’s socket does not know'),
  TCP_MD5FAILURE: signature('their TCP-MD5 signature is wrong'),
  TCP_AONOTFOUND: signature('they lack the TCP-AO signature that the host’s socket asks for'),
  TCP_AOUNEXPECTED: signature('they have a TCP-AO signature that the host’s socket does not know'),
  TCP_AOKEYNOTFOUND: signature('their TCP-AO key is not known to the host’s socket'),
  TCP_AOFAILURE: signature('their TCP-AO signature is wrong'),
  TCP_FLAGS: strange('their TCP flags make no sense in the state of the connection'),
  TCP_ABORT_ON_DATA: [harmless('data for a TCP socket that its program had closed')],
  TCP_ZEROWINDOW: [
    {
      class: 'loss',
      cause: 'the TCP socket they are for is full: its program does not read',
      remedies: [tcpSockets],
    },
  ],
  TCP_OVERWINDOW: strange('their TCP data is beyond what the receiver has allowed'),
  TCP_OLD_DATA: [harmless('TCP data that had come before: sent again too early')],
  TCP_OFOMERGE: [harmless('TCP data that had come before, out of order')],
  TCP_OFO_DROP: [harmless('TCP data that had come before')],
  TCP_OFO_QUEUE_PRUNE: [
    {
      class: 'loss',
      cause: 'a TCP socket of the host had no room for data out of order: its buffer is full',
      remedies: [tcpSockets, onHost('sysctl net.ipv4.tcp_rmem', 'Shows the limits of TCP’s receive buffers.')],
    },
  ],
  TCP_OLD_SEQUENCE: [harmless('TCP segments that had come before')],
  TCP_INVALID_SEQUENCE: strange('their TCP sequence number is outside of the window'),
  TCP_INVALID_END_SEQUENCE: strange('their TCP data ends outside of the window'),
  TCP_INVALID_ACK_SEQUENCE: strange('they acknowledge what was not sent while a TCP connection is opened'),
  TCP_INVALID_SYN: strange('a TCP SYN comes in the middle of a connection: the other end may have restarted'),
  TCP_RESET: [harmless('TCP resets: the other end ended the connection')],
  TCP_CLOSE: [harmless('segments for a TCP connection that has ended')],
  TCP_FASTOPEN: [harmless('a TCP Fast Open request that was not yet complete')],
  TCP_OLD_ACK: [harmless('TCP acknowledgements that others had overtaken')],
  TCP_TOO_OLD_ACK: strange('their TCP acknowledgement is far too old'),
  TCP_ACK_UNSENT_DATA: strange('they acknowledge TCP data that was never sent'),
  TCP_RFC7323_PAWS: strange('their TCP timestamp is older than one before (PAWS)'),
  TCP_RFC7323_PAWS_ACK: [harmless('TCP acknowledgements that others had overtaken (PAWS)')],
  TCP_RFC7323_TW_PAWS: [
    {
      class: 'noise',
      cause: 'a new TCP connection of an old one’s ports has older timestamps: several hosts behind one address',
      remedies: [
        onHost(
          'nstat -az TcpExtPAWSTimewait TcpExtPAWSEstab',
          'Counts them; guests behind NAT need timestamps off, or an address each.',
        ),
      ],
    },
  ],
  TCP_RFC7323_TSECR: strange('they answer a TCP timestamp that was never sent'),
  TCP_LISTEN_OVERFLOW: [
    {
      class: 'loss',
      cause: 'a program of the host accepts connections too slowly: its listen queue is full',
      remedies: [
        onHost('ss -lnt', 'Recv-Q of Send-Q are waiting: where both are equal, that program is the slow one.'),
        onHost(
          'sysctl -w net.core.somaxconn=4096',
          'The most that a program may ask for (listen); the program has to ask for it.',
        ),
      ],
    },
  ],
  TCP_MINTTL: [
    {
      class: 'meant',
      cause: 'their TTL is below what the host’s socket asks for (GTSM of BGP)',
      remedies: [
        onHost(
          'nstat -az TcpExtTCPMinTTLDrop',
          'Counts them; the neighbour has to be one hop away, or the daemon’s ttl-security larger.',
        ),
      ],
    },
  ],
  PSP_INPUT: [
    { class: 'loss', cause: 'their PSP encryption is not what the host’s socket asks for', remedies: [sockets] },
  ],
  PSP_OUTPUT: [
    { class: 'loss', cause: 'the device by which they leave cannot encrypt them (PSP)', remedies: [sockets] },
  ],
};
