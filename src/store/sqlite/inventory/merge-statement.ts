/**
 * How a column of an object takes what another exchange says. A null says nothing and changes nothing.
 * `first`: what was said first stays. `latest`: what the latest fact says, by `last_sequence`. `sum`: both together.
 */
export type Merge = 'first' | 'latest' | 'min' | 'max' | 'sum'

/**
 * SQL that inserts a row or merges it into the one of the same key, and returns it. Parameters: the key, then the
 * columns in their order. Merging what was merged before changes nothing, but for `sum`.
 */
export function mergeStatement(
  table: string,
  key: string,
  columns: Readonly<Record<string, Merge | { readonly sql: string }>>,
  returning: string,
): string {
  const names = Object.keys(columns)
  const sets = Object.entries(columns).map(([name, merge]) => `${name} = ${merged(table, name, merge)}`)
  return `insert into ${table} (${[key, ...names].join(', ')})
values (${['?', ...names.map(() => '?')].join(', ')})
on conflict (${key}) do update set ${sets.join(', ')}
returning ${returning}`
}

function merged(table: string, name: string, merge: Merge | { readonly sql: string }): string {
  const old = `${table}.${name}`
  const said = `excluded.${name}`
  if (typeof merge === 'object') return merge.sql
  switch (merge) {
    case 'first':
      return `coalesce(${old}, ${said})`
    case 'latest':
      return `case when excluded.last_sequence >= ${table}.last_sequence then coalesce(${said}, ${old}) else coalesce(${old}, ${said}) end`
    case 'min':
    case 'max':
      return `coalesce(${merge}(${old}, ${said}), ${said}, ${old})`
    case 'sum':
      return `${old} + ${said}`
  }
}
