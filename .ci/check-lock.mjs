// The lock must install the same way on every machine: every optional package it names is in it (npm ci refuses
// its own lock otherwise), every package has its digest, and no registry's host is written into it.
import fs from 'node:fs'

const { packages } = JSON.parse(fs.readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'))
const names = new Set(Object.keys(packages).map((key) => key.split('node_modules/').pop()))
const faults = []

for (const [key, entry] of Object.entries(packages)) {
  for (const name of Object.keys(entry.optionalDependencies ?? {})) {
    if (!names.has(name)) faults.push(`${key || 'the project'} names ${name}, which the lock does not hold`)
  }
  if (key === '') continue
  if (entry.resolved !== undefined) faults.push(`${key} holds an address: ${entry.resolved}`)
  if (entry.integrity === undefined) faults.push(`${key} has no digest`)
  if (entry.link) faults.push(`${key} is a link`)
}
if (names.size < 50) faults.push(`only ${names.size} packages: this cannot be the whole lock`)

for (const fault of faults) console.error(fault)
console.log(`lock: ${names.size - 1} packages, ${faults.length} faults`)
process.exitCode = faults.length > 0 ? 1 : 0
