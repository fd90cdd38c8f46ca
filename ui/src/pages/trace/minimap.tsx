// The whole trace in a strip: every span a line in its service's colour. Dragging chooses the part that the waterfall shows.

import { useEffect, useRef, useState } from 'preact/hooks';
import { theme } from '../../app/theme';
import { resolveColour, serviceColour } from '../../lib/colours';
import { useStore } from '../../lib/store';
import type { TraceTree } from '../../lib/trace-tree';
import { useSize } from '../../lib/use-load';
import type { View } from './trace';

const HEIGHT = 46;

export function Minimap({ tree, view, setView }: { tree: TraceTree; view: View; setView: (view: View | null) => void }) {
  const [box, { width }] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const shown = useStore(theme);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const duration = Math.max(1, tree.duration);

  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!canvas.current || !context || width === 0) return;
    const ratio = devicePixelRatio || 1;
    canvas.current.width = width * ratio;
    canvas.current.height = HEIGHT * ratio;
    context.scale(ratio, ratio);
    const colours = new Map(tree.services.map((s) => [s.name, resolveColour(serviceColour(s.name))]));
    const bad = resolveColour('var(--bad)');
    const row = Math.min(4, HEIGHT / Math.max(1, tree.spans.length));
    tree.spans.forEach((span, i) => {
      context.fillStyle = span.error ? bad : (colours.get(span.service) ?? bad);
      context.globalAlpha = span.error ? 1 : 0.7;
      const x = (span.offset / duration) * width;
      context.fillRect(x, i * row, Math.max(1, (span.duration / duration) * width), Math.max(0.6, row * 0.75));
    });
  }, [tree, width, shown, duration]);

  const local = (event: PointerEvent) =>
    Math.min(width, Math.max(0, event.clientX - (event.currentTarget as Element).getBoundingClientRect().left));
  const drop = () => {
    if (drag) {
      const [a, b] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
      setView(b - a > 4 ? { from: (a / width) * duration, to: (b / width) * duration } : null);
    }
    setDrag(null);
  };
  const left = drag ? Math.min(drag.from, drag.to) : (view.from / duration) * width;
  const right = drag ? Math.max(drag.from, drag.to) : (view.to / duration) * width;
  return (
    <div
      class="minimap"
      ref={box}
      role="img"
      aria-label="The whole trace; drag to look at a part"
      onPointerDown={(e) => {
        if (e.button !== 0) return;
        e.currentTarget.setPointerCapture(e.pointerId);
        setDrag({ from: local(e), to: local(e) });
      }}
      onPointerMove={(e) => drag && setDrag({ ...drag, to: local(e) })}
      onPointerUp={drop}
      onPointerCancel={() => setDrag(null)}
      onDblClick={() => setView(null)}
    >
      <canvas ref={canvas} style={{ width: '100%', height: `${HEIGHT}px` }} />
      <i class="minimap-out" style={{ left: '0', width: `${left}px` }} />
      <i class="minimap-out" style={{ left: `${right}px`, right: '0' }} />
    </div>
  );
}
