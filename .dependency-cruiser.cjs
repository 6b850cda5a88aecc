// The import law: downwards only, never sideways, never up (docs/architecture.md). Each row may import the rows above it.
const ROWS = [
  ['acme', 'config', 'observability'],
  ['exchange'],
  ['policy', 'ledger', 'audit', 'ca', 'interception'],
  ['engine'],
  ['broker'],
  ['alerts'],
  ['proxy', 'store', 'api'],
  ['app'],
  ['cli', 'main'],
]

/** A part is a folder of src or one file directly in it. */
const within = (...parts) => `^src/(${parts.join('|')})(/|\\.ts$)`

const law = ROWS.flatMap((row, index) =>
  row.map((part) => ({
    name: `law-${part}`,
    comment: `${part} may import only ${ROWS.slice(0, index).flat().join(' ') || 'nothing of src'} and itself`,
    severity: 'error',
    from: { path: within(part) },
    to: {
      path: '^src/',
      // main is the one file that hands its arguments to a sibling, cli.
      pathNot: within(part, ...(part === 'main' ? ['cli'] : []), ...ROWS.slice(0, index).flat()),
    },
  })),
)

module.exports = {
  forbidden: [
    ...law,
    {
      name: 'law-no-place',
      comment: 'every part of src has its row in the law',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: within(...ROWS.flat()) },
    },
    {
      name: 'law-store-behind-app',
      comment: 'the store is reached through ports; app alone connects them',
      severity: 'error',
      from: { path: '^src/', pathNot: within('store', 'app') },
      to: { path: within('store') },
    },
    { name: 'no-cycle', severity: 'error', from: { path: '^src/' }, to: { circular: true } },
    {
      name: 'no-tests-in-source',
      comment: 'src imports nothing of test or .ci',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|\\.ci)/' },
    },
    {
      name: 'no-undeclared-package',
      comment: 'what runs in production is in dependencies',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-optional', 'npm-no-pkg', 'npm-unknown'] },
    },
    { name: 'no-unresolvable', severity: 'error', from: { path: '^src/' }, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    // Imports of types obey the law too.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.mjs', '.js', '.json'], exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
