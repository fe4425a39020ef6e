/** Those that the machine is compared with. */

export type Main = (n: number) => unknown;

export interface Peer {
  readonly name: string;
  /** Loads the peer itself and gives what loads one program, by its name in `bench/programs/`. */
  readonly start: () => Promise<(program: string) => Main | Promise<Main>>;
}
