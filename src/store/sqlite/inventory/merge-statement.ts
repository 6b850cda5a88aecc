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

/**
 * A status that goes on from stage to stage, never back: an answer may be recorded long after those that came later.
 * Within a stage the latest fact tells; a word of no stage is of the first.
 */
export function furthest(table: string, stages: readonly (readonly string[])[]): { readonly sql: string } {
  const stageOf = (value: string) =>
    `case ${value} ${stages
      .flatMap((words, stage) => words.map((word) => `when '${word}' then ${stage}`))
      .join(' ')} else 0 end`
  const [old, said] = [`${table}.status`, 'excluded.status']
  return {
    sql: `case when ${said} is null or ${old} is null then coalesce(${said}, ${old})
      when (${stageOf(said)}) <> (${stageOf(old)}) then iif((${stageOf(said)}) > (${stageOf(old)}), ${said}, ${old})
      when excluded.last_sequence >= ${table}.last_sequence then ${said} else ${old} end`,
  }
}

/** What is said of the type of error that stands, so that no text is told with the type of another. */
export function detailOfError(table: string): { readonly sql: string } {
  return {
    sql: `case when excluded.error_type is null then ${table}.error_detail
      when excluded.error_type is ${table}.error_type and excluded.last_sequence >= ${table}.last_sequence
        then coalesce(excluded.error_detail, ${table}.error_detail)
      when excluded.error_type is ${table}.error_type then coalesce(${table}.error_detail, excluded.error_detail)
      when ${table}.error_type is null or excluded.last_sequence >= ${table}.last_sequence then excluded.error_detail
      else ${table}.error_detail end`,
  }
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
