/** Components of both comparisons, of logs and of spans: rows with run A at the left, run B at the right, and a mark between them. */
import type { ComponentChildren } from "preact";
import type { Mark } from "./align.ts";
import { useRowHeight } from "./parts.tsx";
import { VirtualRows, type VirtualRowsProps } from "./virtual-rows.tsx";

const MARKS: Readonly<Record<Mark, { readonly sign: string; readonly word: string }>> = {
  same: { sign: "=", word: "same" },
  changed: { sign: "≠", word: "different" },
  only_a: { sign: "−", word: "only in A" },
  only_b: { sign: "+", word: "only in B" },
};

interface DifferenceButtonsProps {
  readonly actions: { readonly nextDifference: () => void; readonly previousDifference: () => void };
}

export function DifferenceButtons({ actions }: DifferenceButtonsProps) {
  return (
    <div class="buttons">
      <button type="button" onClick={actions.previousDifference} title="( p )">
        ↑ Previous difference
      </button>
      <button type="button" onClick={actions.nextDifference} title="( n )">
        ↓ Next difference
      </button>
    </div>
  );
}

interface PairRowsProps extends Pick<VirtualRowsProps, "total" | "label" | "selected" | "onSelect" | "onVisible" | "children"> {
  readonly markOf: (row: number) => Mark;
}

/** A list with a pair in each row. `children` returns its `PairCells`. */
export function PairRows({ markOf, ...rows }: PairRowsProps) {
  return (
    <VirtualRows
      {...rows}
      rowHeight={useRowHeight()}
      role="grid"
      columns={3}
      header={<CompareHeader />}
      rowAttributes={(row) => ({ class: `pair ${markOf(row)}` })}
    />
  );
}

function CompareHeader() {
  return (
    <div role="row" class="row rows-header pair" aria-rowindex={1}>
      <div role="columnheader" class="cell side">
        A
      </div>
      <div role="columnheader" class="cell mark">
        <span class="hidden">Difference</span>
      </div>
      <div role="columnheader" class="cell side">
        B
      </div>
    </div>
  );
}

interface PairCellsProps {
  readonly mark: Mark;
  /** A word that explains the mark. */
  readonly word: string | undefined;
  readonly a: ComponentChildren;
  readonly b: ComponentChildren;
}

export function PairCells({ mark, word, a, b }: PairCellsProps) {
  const { sign, word: plain } = MARKS[mark];
  return (
    <>
      <div role="gridcell" class="cell side">
        {a}
      </div>
      <div role="gridcell" class="cell mark" title={word ?? plain}>
        <span aria-hidden="true">{sign}</span>
        <span class="hidden">{word ?? plain}</span>
      </div>
      <div role="gridcell" class="cell side">
        {b}
      </div>
    </>
  );
}
