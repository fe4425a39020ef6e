/**
 * A list of any length. Only its visible rows are in the document. Browsers limit the height of an element, so a very long list is
 * scaled: its scroll position is then a fraction of the list.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useKeys } from "./keys.tsx";

/** The maximum height of the list's element, in pixels. Browsers cannot show much higher elements. */
const MAX_HEIGHT_PX = 8_000_000;
/** Number of rows in the document above and below the visible ones. */
const EXTRA_ROWS = 6;
/** Maximum number of rows in the document. */
const MAX_ROWS = 150;

export interface VirtualRowsProps {
  readonly total: number;
  /** In pixels, the same for every row. */
  readonly rowHeight: number;
  /** The name of the list for screen readers. */
  readonly label: string;
  readonly role: "grid" | "treegrid";
  readonly columns: number;
  /** The selected row, which the keys move. Undefined if there is none. */
  readonly selected: number | undefined;
  readonly onSelect: (row: number) => void;
  readonly onOpen?: ((row: number) => void) | undefined;
  /** Called after each change with the range of visible rows: `first` to `last - 1`. */
  readonly onVisible?: (first: number, last: number) => void;
  /** Returns the cells of a row: elements with the role gridcell. */
  readonly children: (row: number) => ComponentChildren;
  /** Further attributes of a row. */
  readonly rowAttributes?: ((row: number) => RowAttributes) | undefined;
  /** The column headers, a row of the same grid. */
  readonly header?: ComponentChildren;
  /** Whether to keep the last row visible while rows arrive. */
  readonly follow?: boolean;
  readonly onWheel?: ((event: WheelEvent) => void) | undefined;
}

export interface RowAttributes {
  readonly class?: string | undefined;
  readonly level?: number | undefined;
}

/** The rows in the document, `first` to `last - 1`, and their distance from the top of the list in pixels. */
interface Frame {
  readonly first: number;
  readonly last: number;
  readonly top: number;
}

/** Returns the rows to show at a scroll position. */
export function frameAt(scrollTop: number, height: number, rowHeight: number, total: number): Frame {
  const full = total * rowHeight;
  const elementHeight = Math.min(full, MAX_HEIGHT_PX);
  const maxScroll = Math.max(elementHeight - height, 0);
  const share = maxScroll === 0 ? 0 : Math.min(Math.max(scrollTop, 0), maxScroll) / maxScroll;
  // The offset that an unscaled list would have. The rows are moved by the difference between it and the scroll position.
  const offset = share * Math.max(full - height, 0);
  const firstVisible = Math.floor(offset / rowHeight);
  const first = Math.max(firstVisible - EXTRA_ROWS, 0);
  const count = Math.min(Math.ceil(height / rowHeight) + 1 + 2 * EXTRA_ROWS, MAX_ROWS);
  return { first, last: Math.min(first + count, total), top: Math.round(first * rowHeight - offset + Math.min(scrollTop, maxScroll)) };
}

/** Returns the scroll position that shows this offset of the unscaled list at the top. The inverse of `frameAt`. */
export function scrollFor(offset: number, height: number, rowHeight: number, total: number): number {
  const full = total * rowHeight;
  const range = Math.max(Math.min(full, MAX_HEIGHT_PX) - height, 0);
  return full <= height ? 0 : (Math.min(Math.max(offset, 0), full - height) / (full - height)) * range;
}

let listCount = 0;

export function VirtualRows(props: VirtualRowsProps) {
  const { total, rowHeight, selected, onSelect, onOpen, onVisible } = props;
  const box = useRef<HTMLDivElement>(null);
  const [id] = useState(() => `rows${(listCount += 1)}`);
  const [scroll, setScroll] = useState({ top: 0, height: 600 });
  const frame = frameAt(scroll.top, scroll.height, rowHeight, total);

  const measure = (): void => {
    const element = box.current;
    if (element !== null) setScroll({ top: element.scrollTop, height: element.clientHeight - headerHeight(element) });
  };
  useLayoutEffect(() => {
    measure();
    const observer = new ResizeObserver(measure);
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => onVisible?.(frame.first, frame.last), [frame.first, frame.last, onVisible]);

  const reveal = (row: number): void => {
    const element = box.current;
    if (element === null) return;
    const height = element.clientHeight - headerHeight(element);
    const full = Math.max(total * rowHeight - height, 1);
    const range = Math.max(Math.min(total * rowHeight, MAX_HEIGHT_PX) - height, 1);
    const offset = (element.scrollTop / range) * full;
    if (row * rowHeight >= offset && (row + 1) * rowHeight <= offset + height) return;
    const target = row * rowHeight < offset ? row * rowHeight : (row + 1) * rowHeight - height;
    element.scrollTop = scrollFor(target, height, rowHeight, total);
  };
  // A change of `total` alone does not scroll: a growing list must not jump back to the selected row.
  const isListed = selected !== undefined && selected < total;
  useEffect(() => {
    if (isListed) reveal(selected);
  }, [selected, isListed]);
  useLayoutEffect(() => {
    if (props.follow === true && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [props.follow, total]);

  const move = (to: number): void => {
    if (total > 0) onSelect(Math.min(Math.max(to, 0), total - 1));
  };
  const page = Math.max(Math.floor(scroll.height / rowHeight) - 1, 1);
  useKeys({
    next: () => move((selected ?? -1) + 1),
    previous: () => move((selected ?? total) - 1),
    pageDown: () => move((selected ?? -1) + page),
    pageUp: () => move((selected ?? 0) - page),
    first: () => move(0),
    last: () => move(total - 1),
    open: () => {
      if (selected !== undefined) onOpen?.(selected);
    },
  });

  const { children: cellsOf, rowAttributes } = props;
  // Reuses the rows while the list scrolls by less than a row.
  const rows = useMemo(() => {
    const shown: ComponentChildren[] = [];
    for (let row = frame.first; row < frame.last; row += 1) {
      const { class: name, level } = rowAttributes?.(row) ?? {};
      shown.push(
        <div
          key={row}
          id={`${id}-${row}`}
          role="row"
          class={`row${name === undefined ? "" : ` ${name}`}${row === selected ? " selected" : ""}`}
          aria-rowindex={row + 2}
          aria-level={level}
          aria-selected={row === selected}
          style={{ height: `${rowHeight}px` }}
          onClick={() => onSelect(row)}
          onDblClick={() => onOpen?.(row)}
        >
          {cellsOf(row)}
        </div>,
      );
    }
    return shown;
  }, [frame.first, frame.last, rowHeight, selected, cellsOf, rowAttributes, onSelect, onOpen, id]);
  const isShown = selected !== undefined && selected >= frame.first && selected < frame.last;
  return (
    <div
      ref={box}
      class="rows"
      role={props.role}
      aria-label={props.label}
      aria-rowcount={total + 1}
      aria-colcount={props.columns}
      aria-activedescendant={isShown ? `${id}-${selected}` : undefined}
      tabIndex={0}
      onScroll={measure}
      onWheel={props.onWheel}
    >
      {props.header}
      <div role="rowgroup" class="rows-all" style={{ height: `${Math.min(total * rowHeight, MAX_HEIGHT_PX)}px` }}>
        <div role="presentation" class="rows-shown" style={{ transform: `translateY(${frame.top}px)` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}

/** The sticky header covers the first pixels of the box. */
function headerHeight(box: HTMLElement): number {
  const header = box.firstElementChild;
  return header instanceof HTMLElement && header.classList.contains("rows-header") ? header.offsetHeight : 0;
}
