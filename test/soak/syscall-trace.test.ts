import { describe, expect, test } from 'vitest'
import { checkTrace, readTrace } from './syscall-trace.ts'

const ports = { client: 8443, ca: 14000 }
const client = '21<TCP:[127.0.0.1:8443->127.0.0.1:50000]>'
const ca = '22<TCP:[127.0.0.1:50001->127.0.0.1:14000]>'
const wal = '23</d/acmetap.sqlite-wal>'

const asked = `10 read(${client}, ""..., 65536) = 500`
const written = `11 pwrite64(${wal}, ""..., 4096, 0) = 4096`
const synced = `11 fdatasync(${wal}) = 0`
const sent = `10 write(${ca}, ""..., 500) = 500`
const answered = `10 read(${ca}, ""..., 65536) = 300`
const replied = `10 write(${client}, ""..., 300) = 300`

const right = [asked, written, synced, sent, answered, written, synced, replied]
const check = (lines: readonly string[]) => checkTrace(readTrace(lines, ports))

describe('the order of system calls', () => {
  test('is right twice over', () => {
    expect(check([...right, ...right])).toEqual({ exchanges: 2, syncs: 4, violations: [] })
  })

  test.each([
    ['no intent', right.filter((_, i) => i !== 1 && i !== 2)],
    ['an intent that is not synced', right.filter((_, i) => i !== 2)],
    ['an outcome that is not synced', right.filter((_, i) => i !== 6)],
    ['a sync before the write it was for', [asked, synced, written, sent, ...right.slice(4)]],
    ['a sync that failed', right.map((line, i) => (i === 6 ? line.replace('= 0', '= -1 EIO') : line))],
    [
      'a sync of another file',
      right.map((line) => line.replace('fdatasync(23</d/acmetap.sqlite-wal>', 'fdatasync(9</d/spill>')),
    ],
    [
      'a sync that ends after the send began',
      [
        asked,
        written,
        `11 fdatasync(${wal} <unfinished ...>`,
        sent,
        '11 <... fdatasync resumed>) = 0',
        ...right.slice(4),
      ],
    ],
  ])('%s is found', (_, lines) => {
    expect(check(lines).violations).not.toEqual([])
  })

  test('calls cut in two by other threads are put together', () => {
    const cut = [
      asked,
      written,
      `11 fdatasync(${wal} <unfinished ...>`,
      '10 read(9<anon_inode:[eventfd]>, ""..., 8) = 8',
    ]
    expect(check([...cut, '11 <... fdatasync resumed>) = 0', ...right.slice(3)])).toMatchObject({
      violations: [],
    })
  })
})
