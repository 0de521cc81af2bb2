// SPDX-License-Identifier: Apache-2.0
// The terminal as one picture with keys, given back as it was however the program ends.

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const ENDINGS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
const CTRL_C = '\u0003';
const CTRL_Z = '\u001a';

interface Screen {
  show(picture: string): void;
  close(): void;
}

interface ScreenEvents {
  /** A key, or several at once where they were pasted; '\u001b[A' is arrow up. */
  readonly key: (key: string) => void;
  /** Another size, or another program has written over it. */
  readonly redraw: () => void;
  /** The user wants the end. */
  readonly end: () => void;
}

export function openScreen(events: ScreenEvents): Screen {
  const { stdin, stdout } = process;
  // Node writes to a terminal at once, when the process ends too.
  const write = (text: string): boolean => stdout.write(text);
  let isOpen = false;
  const enter = (): void => {
    isOpen = true;
    stdin.setRawMode(true);
    stdin.resume();
    write(ENTER);
  };
  const leave = (): void => {
    if (!isOpen) return;
    isOpen = false;
    write(LEAVE);
    try {
      stdin.setRawMode(false);
    } catch {
      // The terminal is gone, and its state with it.
    }
  };
  const suspend = (): void => {
    leave();
    process.once('SIGCONT', () => {
      enter();
      events.redraw();
    });
    process.kill(process.pid, 'SIGSTOP');
  };
  const onKey = (data: Buffer): void => {
    const key = data.toString();
    if (key === CTRL_C) events.end();
    else if (key === CTRL_Z) suspend();
    else events.key(key);
  };
  stdin.on('data', onKey);
  stdin.once('end', events.end);
  stdin.once('error', events.end);
  stdout.on('resize', events.redraw);
  for (const signal of ENDINGS) process.on(signal, events.end);
  // Also after an uncaught exception.
  process.once('exit', leave);
  enter();
  return {
    show: (picture) => write(`\u001b[H${picture.replaceAll('\n', '\u001b[K\r\n')}\u001b[K\u001b[J`),
    close: () => {
      leave();
      stdin.off('data', onKey);
      stdin.pause();
      stdout.off('resize', events.redraw);
      for (const signal of ENDINGS) process.off(signal, events.end);
      process.off('exit', leave);
    },
  };
}
