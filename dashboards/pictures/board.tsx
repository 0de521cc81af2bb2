// SPDX-License-Identifier: Apache-2.0
// A dashboard on a page: its panels in their places, each in Grafana's frame. On a phone they stand below each other.
import '@fontsource/inter/latin.css';
import { createTheme, type DataFrame, dateTimeFormat, type PanelModel, ThemeContext } from '@grafana/data';
import { Button, GlobalStyles, Icon, InlineLabel, Input, PanelChrome, PortalContainer } from '@grafana/ui';
import type { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import type { BoardData, Drawn } from './board-data.ts';
import { graphFrames, tableFrame } from './frames.ts';
import { InsideOf } from './panel-kinds.tsx';

interface Board {
  readonly title: string;
  readonly panels: readonly (PanelModel & { readonly gridPos: Place })[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly label?: string }[] };
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** Of Grafana's grid, in pixels. */
const COLUMNS = 24;
const LINE = 38;
const GAP = 8;
const PHONE = 768;
const NO_DATA = 'No data';
/** Fonts, icons and animations have come to rest. */
const SETTLED_MS = 1500;
const DRAWN_WITHIN_MS = 60_000;

const theme = createTheme({ colors: { mode: 'dark' } });

async function show(data: BoardData): Promise<Drawn> {
  const board = data.dashboard as Board;
  const frames = await Promise.all(
    board.panels.map(async (panel, index) => {
      const answers = data.answers[index] ?? [];
      return panel.type === 'table'
        ? [await tableFrame(panel, answers)].filter((one) => one !== undefined)
        : graphFrames(answers);
    }),
  );
  const root = document.getElementById('root') ?? document.body;
  createRoot(root).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Panels board={board} frames={frames} data={data} />
      <PortalContainer />
    </ThemeContext.Provider>,
  );
  await document.fonts.ready;
  await wait(SETTLED_MS);
  // On a busy machine panels are drawn later; what is blank then stays so.
  const deadline = performance.now() + DRAWN_WITHIN_MS;
  while (titlesOf(isBlank).length > 0 && performance.now() < deadline) await wait(SETTLED_MS);
  const height = document.documentElement.scrollHeight;
  return {
    height,
    unexplained: titlesOf((panel) => panel.querySelector('.no-data')?.textContent === NO_DATA),
    blank: titlesOf(isBlank),
  };
}

interface Shown {
  readonly board: Board;
  readonly frames: readonly DataFrame[][];
  readonly data: BoardData;
}

function Panels({ board, frames, data }: Shown): ReactNode {
  const isNarrow = document.documentElement.clientWidth < PHONE;
  const width = document.documentElement.clientWidth - 2 * GAP;
  const column = (width + GAP) / COLUMNS;
  let below = 0;
  const boxes = board.panels.map(({ gridPos: { x, y, w, h } }) => {
    if (!isNarrow) return { left: x * column, top: y * LINE, width: w * column - GAP, height: h * LINE - GAP };
    const top = below;
    below += h * LINE;
    return { left: 0, top, width, height: h * LINE - GAP };
  });
  const height = Math.max(...boxes.map((box) => box.top + box.height));
  return (
    <main style={{ padding: GAP, background: theme.colors.background.canvas }}>
      <Head board={board} data={data} />
      <div style={{ position: 'relative', height }}>
        {board.panels.map((panel, index) => (
          <div
            className="place"
            key={panel.id}
            data-type={panel.type}
            data-title={panel.title}
            style={{ position: 'absolute', ...boxes[index] }}
          >
            <Panel
              panel={panel}
              frames={frames[index] ?? []}
              data={data}
              box={boxes[index] ?? { width: 0, height: 0 }}
            />
          </div>
        ))}
      </div>
    </main>
  );
}

interface OnePanel {
  readonly panel: PanelModel;
  readonly frames: DataFrame[];
  readonly data: BoardData;
  readonly box: { readonly width: number; readonly height: number };
}

function Panel({ panel, frames, data: { span, marks }, box }: OnePanel): ReactNode {
  if (panel.type === 'row')
    return (
      <h6 style={{ margin: 0, padding: '6px 0', color: theme.colors.text.primary }}>
        <Icon name="angle-down" /> {panel.title}
      </h6>
    );
  const { title = '', description = '' } = panel;
  const isEmpty = frames.every((frame) => frame.length === 0);
  return (
    <PanelChrome
      title={title}
      description={description}
      {...box}
      {...(panel.type === 'table' ? { padding: 'none' } : {})}
    >
      {(width: number, height: number) =>
        isEmpty ? (
          <div
            className="no-data"
            style={{ height, display: 'grid', placeItems: 'center', color: theme.colors.text.secondary }}
          >
            {panel.fieldConfig.defaults.noValue ?? NO_DATA}
          </div>
        ) : (
          <InsideOf {...{ panel, frames, theme, span, marks, width, height }} />
        )
      }
    </PanelChrome>
  );
}

function Head({ board, data }: Pick<Shown, 'board' | 'data'>): ReactNode {
  const chosen = board.templating.list.flatMap(({ name, label }) => {
    const value = data.choices[name];
    return value === undefined
      ? []
      : [{ name: label ?? name, value: value === '.*' ? 'All' : value.replaceAll('|', ' + ') }];
  });
  const time = (seconds: number): string => dateTimeFormat(1000 * seconds, { timeZone: 'utc', format: 'HH:mm:ss' });
  return (
    <header style={{ display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: GAP, paddingBottom: 2 * GAP }}>
      <h3 style={{ margin: 0, flexBasis: chosen.length > 0 ? '100%' : 'auto' }}>{board.title}</h3>
      {chosen.map(({ name, value }) => (
        <span key={name} style={{ display: 'flex' }}>
          <InlineLabel width="auto">{name}</InlineLabel>
          <Input value={value} readOnly width={Math.max(8, Math.ceil(value.length * 1.05) + 2)} />
        </span>
      ))}
      <span style={{ flexGrow: 1 }} />
      <Button variant="secondary" icon="clock-nine">
        {time(data.span.from)} to {time(data.span.to)} UTC
      </Button>
    </header>
  );
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function titlesOf(wanted: (panel: HTMLElement) => boolean): readonly string[] {
  const panels = [...document.querySelectorAll<HTMLElement>('.place:not([data-type=row])')];
  return panels.filter(wanted).map(({ dataset }) => dataset.title ?? '');
}

function hasNoData(panel: HTMLElement): boolean {
  return panel.querySelector('.no-data') !== null;
}

/** Its canvases have no coloured pixel, or no cell or text is there. */
function isBlank(panel: HTMLElement): boolean {
  const inside = panel.querySelector('[data-testid="data-testid panel content"]');
  if (inside === null) return true;
  if (panel.dataset.type === 'stat') return (inside.textContent ?? '').trim() === '';
  if (panel.dataset.type === 'table') return inside.querySelector('[role=gridcell]') === null;
  // A panel without data says so.
  return (
    !hasNoData(panel) &&
    ![...inside.querySelectorAll('canvas')].some((canvas) => {
      const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data;
      return pixels?.some((value) => value > 0);
    })
  );
}

Object.assign(window, { show });
