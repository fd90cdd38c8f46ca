// Lines over time, stacked by level. Dragging narrows the range.

import { useState } from 'preact/hooks';
import { clock, count, dateClock } from '../../lib/format';
import { LEVEL_ORDER, type VolumeBin } from '../../lib/log-volume';
import { useSize } from '../../lib/use-load';

const HEIGHT = 84;
const AXIS = 16;

export interface VolumeProps {
  bins: VolumeBin[];
  step: number;
  onZoom: (start: number, end: number) => void;
}

export function Volume({ bins, step, onZoom }: VolumeProps) {
  const [box, { width }] = useSize<HTMLDivElement>();
  const [hover, setHover] = useState<number | null>(null);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const most = Math.max(1, ...bins.map((b) => b.total));
  const column = width / Math.max(1, bins.length);
  const plot = HEIGHT - AXIS;
  const lit = hover === null ? undefined : bins[hover];
  const every = Math.max(1, Math.round(110 / Math.max(1, column)));
  const indexAt = (event: PointerEvent) => {
    const left = (event.currentTarget as Element).getBoundingClientRect().left;
    return Math.min(bins.length - 1, Math.max(0, Math.floor((event.clientX - left) / column)));
  };
  const drop = () => {
    if (drag && drag.from !== drag.to) {
      const a = bins[Math.min(drag.from, drag.to)];
      const b = bins[Math.max(drag.from, drag.to)];
      if (a && b) onZoom(a.start, b.start + step * 1000);
    }
    setDrag(null);
  };
  return (
    <div class="volume" ref={box} data-testid="volume">
      {width > 0 && (
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={`Lines over time, at most ${count(most)} in ${step} seconds`}
          onPointerDown={(e) => {
            if (e.button !== 0) return;
            e.currentTarget.setPointerCapture(e.pointerId);
            setDrag({ from: indexAt(e), to: indexAt(e) });
          }}
          onPointerMove={(e) => {
            setHover(indexAt(e));
            if (drag) setDrag({ ...drag, to: indexAt(e) });
          }}
          onPointerUp={drop}
          onPointerLeave={() => setHover(null)}
          onPointerCancel={() => setDrag(null)}
        >
          <line class="grid" x1={0} x2={width} y1={plot + 0.5} y2={plot + 0.5} />
          {drag && (
            <rect
              class="drag"
              x={Math.min(drag.from, drag.to) * column}
              y={0}
              width={(Math.abs(drag.to - drag.from) + 1) * column}
              height={plot}
            />
          )}
          {bins.map((bin, i) => {
            let y = plot;
            return (
              <g key={bin.start} opacity={hover === null || hover === i ? 1 : 0.7}>
                {LEVEL_ORDER.map((level) => {
                  const n = bin.levels[level] ?? 0;
                  if (n === 0) return null;
                  const height = Math.max(1, (n / most) * (plot - 6));
                  y -= height;
                  return (
                    <rect
                      key={level}
                      class={`volume-bar level-${level}`}
                      x={i * column + 0.5}
                      y={y}
                      width={Math.max(1, column - 1.2)}
                      height={height}
                    />
                  );
                })}
                {i % every === 0 && i * column < width - 40 && (
                  <text class="tick" x={i * column} y={HEIGHT - 3}>
                    {clock(bin.start).slice(0, step < 60 ? 8 : 5)}
                  </text>
                )}
              </g>
            );
          })}
        </svg>
      )}
      {lit && (
        <div class="tip" style={{ left: `${Math.min(width - 190, Math.max(0, (hover ?? 0) * column - 80))}px`, top: `${HEIGHT}px` }}>
          <span class="quiet">{dateClock(lit.start)}</span> <b>{count(lit.total)}</b>
          {LEVEL_ORDER.map((level) =>
            lit.levels[level] ? (
              <div key={level} class={`tip-level level-${level}`}>
                {level} {count(lit.levels[level] ?? 0)}
              </div>
            ) : null,
          )}
        </div>
      )}
    </div>
  );
}
