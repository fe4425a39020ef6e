/** The interface of a peer: a language implementation that our machine is compared with. */

export type Main = (n: number) => unknown;

export interface Peer {
  readonly name: string;
  /** Loads the peer. Returns a function that loads a program by its path in `bench/` without suffix. */
  readonly start: () => Promise<(program: string) => Main | Promise<Main>>;
}
