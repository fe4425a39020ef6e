/**
 * Loads the visible part of a long list in blocks of rows. Keeps only the most recently used blocks, so that memory is bounded.
 */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

const BLOCK_ROWS = 200;
const MAX_BLOCKS = 40;

/** A part of a list, and the number of rows of the whole list. */
export interface Loaded<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
}

export type Load<Row> = (offset: number, limit: number, signal: AbortSignal) => Promise<Loaded<Row>>;

export interface Window<Row> {
  /** Undefined until the first block has arrived. */
  readonly total: number | undefined;
  readonly rowAt: (row: number) => Row | undefined;
  /** Loads the blocks of the rows from `first` to `last - 1`. */
  readonly show: (first: number, last: number) => void;
  readonly error: unknown;
}

interface State<Row> {
  /** The list that the blocks belong to. */
  list: string | undefined;
  /** Least recently used first. */
  readonly blocks: Map<number, { readonly rows: readonly Row[]; readonly version: unknown }>;
  /** The loads in progress, by the number of the block. */
  readonly pending: Map<number, AbortController>;
  /** The rows that were visible last. */
  shown: readonly [first: number, last: number];
}

/** Shows a part of the list that `list` names. If `list` or `version` changes, loads the visible blocks again and shows the old rows meanwhile. */
export function useWindow<Row>(list: string, version: unknown, load: Load<Row>): Window<Row> {
  const [result, setResult] = useState<{ readonly total: number | undefined; readonly error: unknown }>();
  const state = useRef<State<Row>>({ list: undefined, blocks: new Map(), pending: new Map(), shown: [0, 1] });
  const latest = useRef({ list, version, load });
  latest.current = { list, version, load };

  const fetchBlock = useCallback(async (block: number): Promise<void> => {
    const { pending, blocks } = state.current;
    const requested = latest.current;
    const abort = new AbortController();
    pending.set(block, abort);
    try {
      const { rows, total } = await requested.load(block * BLOCK_ROWS, BLOCK_ROWS, abort.signal);
      if (abort.signal.aborted) return;
      if (state.current.list !== requested.list) blocks.clear();
      state.current.list = requested.list;
      blocks.delete(block);
      blocks.set(block, { rows, version: requested.version });
      for (const oldest of blocks.keys()) {
        if (blocks.size <= MAX_BLOCKS) break;
        blocks.delete(oldest);
      }
      setResult({ total, error: undefined });
    } catch (error) {
      if (!abort.signal.aborted) setResult((before) => ({ total: before?.total, error }));
    } finally {
      if (pending.get(block) === abort) pending.delete(block);
    }
  }, []);

  const show = useCallback(
    (first: number, last: number): void => {
      const { blocks, pending } = state.current;
      state.current.shown = [first, last];
      const from = Math.floor(first / BLOCK_ROWS);
      const to = Math.floor(Math.max(last - 1, first) / BLOCK_ROWS);
      // Cancels requests for blocks that are no longer visible.
      for (const [block, abort] of pending) {
        if (block >= from && block <= to) continue;
        abort.abort();
        pending.delete(block);
      }
      for (let block = from; block <= to; block += 1) {
        const known = blocks.get(block);
        if (known !== undefined) {
          blocks.delete(block);
          blocks.set(block, known);
        }
        const isCurrent = known?.version === latest.current.version && state.current.list === latest.current.list;
        if (!isCurrent && !pending.has(block)) void fetchBlock(block);
      }
    },
    [fetchBlock],
  );

  useEffect(() => {
    const { pending } = state.current;
    for (const abort of pending.values()) abort.abort();
    pending.clear();
    show(...state.current.shown);
  }, [list, show]);
  useEffect(() => {
    // A pending request for an older version is not canceled. When it arrives, the new version is requested.
    if (state.current.pending.size === 0) show(...state.current.shown);
  }, [version, result, show]);
  useEffect(() => {
    const { pending } = state.current;
    return () => {
      for (const abort of pending.values()) abort.abort();
    };
  }, []);

  return {
    total: result?.total,
    error: result?.error,
    show,
    rowAt: (row) => state.current.blocks.get(Math.floor(row / BLOCK_ROWS))?.rows[row % BLOCK_ROWS],
  };
}
