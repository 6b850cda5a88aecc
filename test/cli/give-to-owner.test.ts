import { chownSync, linkSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { giveToOwner } from '../../src/cli/give-to-owner.ts'

const NOBODY = 65_534

test('what root leaves in the folder of another user belongs to that user', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'owner-'))
  const file = path.join(folder, 'acmetap.sqlite')
  writeFileSync(file, '')
  const elsewhere = mkdtempSync(path.join(tmpdir(), 'elsewhere-'))
  writeFileSync(path.join(elsewhere, 'secret'), '')
  linkSync(path.join(elsewhere, 'secret'), path.join(folder, 'link'))
  // As systemd has it: the state folder of a dynamic user is reached over a link.
  symlinkSync(folder, path.join(elsewhere, 'state'))
  const isRoot = process.geteuid!() === 0
  if (isRoot) chownSync(folder, NOBODY, NOBODY)
  giveToOwner(path.join(elsewhere, 'state'))
  expect(statSync(file).uid).toBe(isRoot ? NOBODY : process.geteuid!())
  expect(statSync(path.join(elsewhere, 'secret')).uid).toBe(process.geteuid!())
  rmSync(elsewhere, { recursive: true })
  rmSync(folder, { recursive: true })
})
