import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { appendFile, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileOutput } from '../../../src/audit/sinks/file-output.ts'
import type { OutgoingLine, Output } from '../../../src/audit/sinks/output.ts'
import { StreamOutput } from '../../../src/audit/sinks/stream-output.ts'
import { syslogOutput, syslogServer } from '../../../src/audit/sinks/syslog-output.ts'
import { makeRoot, makeServerCertificate } from '../../support/test-ca/certificates.ts'
import { type SyslogReceiver, tcpReceiver } from './syslog-receiver.ts'

const never = new AbortController().signal
const AT = Date.UTC(2026, 10, 22, 1, 20, 25) * 1000 + 123_456
const line = (text: string, severity: OutgoingLine['severity'] = 6): OutgoingLine => ({
  text: JSON.stringify({ text }),
  at: AT,
  severity,
})
const numbered = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => line(`line ${from + n}`))
const texts = (content: string) =>
  content
    .split('\n')
    .slice(0, -1)
    .map((one) => (JSON.parse(one) as { text: string }).text)

let folder: string
const outputs: Output[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outputs-'))
})
afterEach(async () => {
  for (const output of outputs.splice(0)) await output.close()
  await rm(folder, { recursive: true })
})
const opened = <T extends Output>(output: T): T => {
  outputs.push(output)
  return output
}

describe('file', () => {
  const file = (options: { rotate?: number; keep?: number } = {}) =>
    opened(new FileOutput({ path: join(folder, 'a.json'), rotate: 1 << 20, keep: 3, ...options }))
  const read = (name = 'a.json') => readFile(join(folder, name), 'utf8').then(texts)

  test('appends, not readable by everybody', async () => {
    await file().write(numbered(1, 2))
    await file().write(numbered(3, 1))
    expect(await read()).toEqual(['line 1', 'line 2', 'line 3'])
    expect((await stat(join(folder, 'a.json'))).mode & 0o007).toBe(0)
  })

  test.each([1, 100, 70_000])('a last line of %i bytes without its end is cut off', async (length) => {
    await file().write(numbered(1, 2))
    await outputs.pop()!.close()
    await appendFile(join(folder, 'a.json'), '{'.repeat(length))
    await file().write(numbered(3, 1))
    expect(await read()).toEqual(['line 1', 'line 2', 'line 3'])
  })

  test('a file that is nothing but half a line begins anew', async () => {
    await writeFile(join(folder, 'a.json'), '{"half')
    await file().write(numbered(1, 1))
    expect(await read()).toEqual(['line 1'])
  })

  test('rotates before a file grows over its size, keeps as many as asked, loses no line that is kept', async () => {
    const output = file({ rotate: 200, keep: 50 })
    for (let n = 0; n < 20; n++) await output.write(numbered(n * 10, 10))
    const names = (await readdir(folder)).sort(
      (a, b) => Number(b.split('.')[2] ?? 0) - Number(a.split('.')[2] ?? 0),
    )
    const all = (await Promise.all(names.map((name) => read(name)))).flat()
    expect(all).toEqual(numbered(0, 200).map(({ text }) => JSON.parse(text).text))
    for (const name of names) expect((await stat(join(folder, name))).size).toBeLessThanOrEqual(200)
    const few = file({ rotate: 200, keep: 2 })
    await few.write(numbered(1000, 100))
    expect((await readdir(folder)).filter((name) => /\.[12]$|json$/.test(name))).toHaveLength(3)
    expect(await read()).toContain('line 1099')
  })

  test('a line longer than the size has a file of its own', async () => {
    const output = file({ rotate: 100 })
    await output.write([line('small'), line('x'.repeat(500)), line('small again')])
    expect(await read('a.json.2')).toEqual(['small'])
    expect(await read('a.json.1')).toEqual(['x'.repeat(500)])
    expect(await read()).toEqual(['small again'])
  })

  test('reopen() goes on under the name; without it into the file that was moved', async () => {
    const output = file()
    await output.write(numbered(1, 1))
    await rename(join(folder, 'a.json'), join(folder, 'moved'))
    await output.write(numbered(2, 1))
    output.reopen()
    await output.write(numbered(3, 1))
    expect(await read('moved')).toEqual(['line 1', 'line 2'])
    expect(await read()).toEqual(['line 3'])
  })

  test('a file that was deleted is made again', async () => {
    const output = file()
    await output.write(numbered(1, 1))
    await rm(join(folder, 'a.json'))
    await output.write(numbered(2, 1))
    expect(await read()).toEqual(['line 2'])
  })

  test('a place that can not be written is named, and works when it can', async () => {
    const output = opened(new FileOutput({ path: join(folder, 'no', 'a.json'), rotate: 1000, keep: 1 }))
    await expect(output.write(numbered(1, 1))).rejects.toThrow(/^can't write to .*a\.json: ENOENT/)
  })
})

describe('standard output', () => {
  test('lines, one after the other', async () => {
    const stream = new PassThrough()
    await opened(new StreamOutput(stream)).write(numbered(1, 2), never)
    expect(texts(String(stream.read()))).toEqual(['line 1', 'line 2'])
  })

  test('a line of a sink and one of the log never run into each other, however slow the reader', async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'log-and-sink.ts'), '5000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const parts: Buffer[] = []
    for await (const part of child.stdout) {
      parts.push(part as Buffer)
      await sleep(5)
    }
    const lines = Buffer.concat(parts).toString().split('\n').slice(0, -1)
    const read = lines.map((text) => JSON.parse(text) as { n?: number; event?: string })
    expect(read.filter(({ event }) => event !== undefined).length).toBeGreaterThan(0)
    const numbers = read.flatMap(({ n }) => (n === undefined ? [] : [n]))
    expect(numbers).toEqual(Array.from({ length: 5000 }, (_, n) => n))
  })

  test('a reader that is gone rejects, and ends nothing', async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
    await expect(opened(new StreamOutput(stream)).write(numbered(1, 1), never)).rejects.toThrow('EPIPE')
  })

  test('a reader that has stopped holds up the sink until its end, no longer', async () => {
    const stream = new Writable({ write: () => undefined })
    const ending = new AbortController()
    const written = opened(new StreamOutput(stream)).write(numbered(1, 1), ending.signal)
    ending.abort()
    await expect(written).rejects.toThrow('before the end')
  })
})

const HEADER = /^<134>1 2026-11-22T01:20:25\.123456Z tap\.example acmetap 77 exchange - (\{.*\})$/
const origin = { facility: 16, host: 'tap.example', pid: 77 }
const syslog = (url: string, trust?: string) => opened(syslogOutput(syslogServer(url, trust), origin))

describe('syslog over UDP', () => {
  test('one datagram a line; what is too long is shortened and marked', async () => {
    const receiver = createSocket('udp4').bind(0, '127.0.0.1')
    await once(receiver, 'listening')
    const came: string[] = []
    receiver.on('message', (message) => came.push(message.toString('latin1')))
    const output = syslog(`udp://127.0.0.1:${receiver.address().port}`)
    const long = {
      ...line(''),
      text: JSON.stringify({
        exchange: 'id',
        detail: 'd'.repeat(20_000),
        names: Array(900).fill('a.example'),
      }),
    }
    await output.write([line('grüße'), long, line('refused', 4)], never)
    await expect.poll(() => came.length).toBe(3)
    receiver.close()
    expect(JSON.parse(HEADER.exec(came[0]!)![1]!)).toEqual({ text: 'grüße' })
    expect(came[0]).toMatch(/^[\x20-\x7e]*$/)
    expect(came[1]!.length).toBeLessThanOrEqual(8192)
    expect(JSON.parse(HEADER.exec(came[1]!)![1]!)).toEqual({
      exchange: 'id',
      detail: '… [cut]',
      names: '… [cut]',
    })
    expect(came[2]).toMatch(/^<132>1 /)
  })

  test('a line of one endless number is cut all the same', async () => {
    const receiver = createSocket('udp4').bind(0, '127.0.0.1')
    await once(receiver, 'listening')
    const message = once(receiver, 'message')
    const text = JSON.stringify(Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`m${n}`, n])))
    await syslog(`udp://127.0.0.1:${receiver.address().port}`).write([{ ...line(''), text }], never)
    expect(String((await message)[0])).toMatch(/ \{"cut":".* \[cut\]"\}$/)
    receiver.close()
  })
})

describe.each(['tcp', 'tls'] as const)('syslog over %s', (transport) => {
  const root = makeRoot('Logs')
  const server = makeServerCertificate({ names: ['localhost', '127.0.0.1'], issuer: root })
  const tls = transport === 'tls' ? { key: server.keyPem, cert: server.pem } : null
  let receiver: SyslogReceiver
  let trust: string
  beforeEach(async () => {
    receiver = await tcpReceiver(tls)
    trust = join(folder, 'root.pem')
    await writeFile(trust, root.pem)
  })
  afterEach(() => receiver.close())
  const url = () => `${transport}://127.0.0.1:${receiver.port}`
  const came = () => receiver.messages.map((one) => JSON.parse(HEADER.exec(one)![1]!).text as string)

  test('frames are counted in octets; a long line is whole', async () => {
    const output = syslog(url(), trust)
    const long = 'x'.repeat(100_000)
    await output.write([line('one'), line('zwei ü'), line(long)], never)
    await output.write([line('four')], never)
    await expect.poll(came).toEqual(['one', 'zwei ü', long, 'four'])
    expect(receiver.connections).toBe(1)
  })

  test('a connection that breaks in the middle of a line: all of it comes again', async () => {
    const output = syslog(url(), trust)
    await output.write([line('first')], never)
    await expect.poll(came).toEqual(['first'])
    receiver.resetAfter(30)
    const batch = numbered(1, 50)
    await output.write(batch, never).catch(() => undefined)
    await expect.poll(() => receiver.resets).toBe(1)
    await expect
      .poll(async () => {
        await output.write([line('after')], never).catch(() => undefined)
        return came()
      })
      .toContain('after')
    expect(came()).toEqual(expect.arrayContaining(numbered(1, 50).map(({ text }) => JSON.parse(text).text)))
    expect(receiver.malformed).toEqual([])
  })

  test('a server that is not there is named', async () => {
    const output = syslog(url(), trust)
    await receiver.close()
    await expect(output.write([line('one')], never)).rejects.toThrow(`can't send to ${url()}: `)
  })

  test('a server that reads nothing is left at the end', async () => {
    receiver.pause()
    const output = syslog(url(), trust)
    const ending = new AbortController()
    const writing = (async () => {
      for (;;) await output.write([line('x'.repeat(1 << 20))], ending.signal)
    })()
    setTimeout(() => ending.abort(), 300)
    await expect(writing).rejects.toThrow(/can't send to/)
  })
})

describe('syslog over tls: who the server is', () => {
  const right = makeRoot('Right')
  const wrong = makeRoot('Wrong')

  test.each([
    ['another root', { names: ['127.0.0.1'], issuer: wrong }],
    ['another name', { names: ['elsewhere.example'], issuer: right }],
    ['its own word', { names: ['127.0.0.1'], issuer: 'self' as const }],
    ['the past', { names: ['127.0.0.1'], issuer: right, notAfter: new Date(Date.now() - 1000) }],
  ])('one with a certificate of %s gets not a byte', async (_, options) => {
    const { keyPem, pem } = makeServerCertificate(options)
    const receiver = await tcpReceiver({ key: keyPem, cert: pem })
    const trust = join(folder, 'root.pem')
    await writeFile(trust, right.pem)
    const output = syslog(`tls://127.0.0.1:${receiver.port}`, trust)
    await expect(output.write([line('secret')], never)).rejects.toThrow(/can't send to tls:/)
    expect(receiver.messages).toEqual([])
    await receiver.close()
  })
})
