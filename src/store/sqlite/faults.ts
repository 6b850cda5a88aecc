import Database from 'better-sqlite3'

/** How commits are made to fail. `applied`: the commit succeeds and is reported as failed. */
export const FAULTS = ['none', 'full', 'locked', 'io', 'applied'] as const
export type Fault = (typeof FAULTS)[number]

/**
 * Faults of the disk, for tests: given to the store when it is opened, worked from outside while it runs.
 * Without one of these nothing in the store can be made to fail.
 */
export class StoreFaults {
  /** [delay of each commit in ms, index in FAULTS]; shared with the writer's thread. */
  readonly control: SharedArrayBuffer
  readonly #cells: Int32Array

  constructor(control: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.control = control
    this.#cells = new Int32Array(control)
  }

  /** Every commit takes this much longer; less from now on also wakes a commit that is waiting. */
  delayCommits(milliseconds: number): void {
    Atomics.store(this.#cells, 0, milliseconds)
    Atomics.notify(this.#cells, 0)
  }

  failCommits(fault: Fault): void {
    Atomics.store(this.#cells, 1, FAULTS.indexOf(fault))
  }

  /** Called by the writer around each commit. */
  commit(run: () => void): void {
    const delay = Atomics.load(this.#cells, 0)
    if (delay > 0) Atomics.wait(this.#cells, 0, delay, delay)
    const fault = FAULTS[Atomics.load(this.#cells, 1)] ?? 'none'
    if (fault === 'full') throw new Database.SqliteError('database or disk is full', 'SQLITE_FULL')
    if (fault === 'locked') throw new Database.SqliteError('database is locked', 'SQLITE_BUSY')
    if (fault === 'io') throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC')
    run()
    if (fault === 'applied') throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC')
  }
}
