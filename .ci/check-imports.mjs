// The import law of .dependency-cruiser.cjs over the folder src: node .ci/check-imports.mjs [ROOT]
//
// dependency-cruiser that can't load a TypeScript compiler reports "no violations" over no modules at all, so every
// file has to turn up in its answer.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const project = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const root = path.resolve(process.argv[2] ?? project)

const cruise = spawnSync(
  path.join(project, 'node_modules', '.bin', 'depcruise'),
  ['src', '--config', path.join(root, '.dependency-cruiser.cjs'), '--output-type', 'json'],
  { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 },
)
let answer
try {
  answer = JSON.parse(cruise.stdout)
} catch {
  console.error(cruise.stdout, cruise.stderr)
  console.error('dependency-cruiser gave no answer')
  process.exit(1)
}

const seen = new Set(answer.modules.map((module) => module.source))
const files = fs
  .readdirSync(path.join(root, 'src'), { recursive: true })
  .map((name) => path.posix.join('src', name))
  .filter((name) => name.endsWith('.ts'))
const faults = files.filter((name) => !seen.has(name)).map((name) => `${name}: not looked at`)
if (files.length === 0) faults.push('src holds no file')

for (const { rule, from, to, cycle } of answer.summary.violations) {
  const comment = answer.summary.ruleSetUsed.forbidden.find((one) => one.name === rule.name)?.comment
  const way = cycle ? [from, ...cycle.map((step) => step.name)].join(' → ') : `${from} → ${to}`
  faults.push(`${way}: ${rule.name}${comment ? ` (${comment})` : ''}`)
}

for (const fault of faults) console.error(fault)
console.log(
  `imports: ${files.length} files, ${answer.summary.totalDependenciesCruised} imports, ${faults.length} faults`,
)
process.exitCode = faults.length > 0 ? 1 : 0
