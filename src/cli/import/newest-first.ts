import type { AccountFolder } from '../accounts/account-folder.ts'

/** Full paths of the files whose name holds a number, the highest first. */
export function newestFirst(folder: AccountFolder, numbered: RegExp): readonly string[] {
  return [...folder.files]
    .flatMap(([name, file]) => {
      const number = numbered.exec(name)?.[1]
      return number === undefined ? [] : [{ file, number: Number(number) }]
    })
    .sort((a, b) => b.number - a.number)
    .map(({ file }) => file)
}
