import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The record's database in a data folder. `-wal` and `-shm` stand beside it while it is open. */
export function databaseFile(folder: string): string {
  return join(folder, 'acmetap.sqlite')
}

/**
 * Locked while a process serves from the folder. No code may open and close this file by other means than
 * SQLite: closing any descriptor of a file drops the process's POSIX locks on it.
 */
export function lockFile(folder: string): string {
  return join(folder, 'acmetap.lock')
}

export function createFolder(folder: string): void {
  if (existsSync(folder)) return
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
}

/** An empty file that only its owner may read; SQLite gives its `-wal` and `-shm` the same mode. */
export function createPrivateFile(file: string): void {
  closeSync(openSync(file, 'wx', 0o600))
}

/** Make a new or renamed entry of the folder durable. */
export function syncFolderOf(file: string): void {
  const descriptor = openSync(dirname(file), 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
