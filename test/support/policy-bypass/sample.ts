/** So many of a long list, spread evenly over it. */
export function sample<T>(all: readonly T[], count: number): readonly T[] {
  const step = all.length / count
  return step <= 1 ? all : Array.from({ length: count }, (_, at) => all[Math.floor(at * step)]!)
}
