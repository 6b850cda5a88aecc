import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { applyExample, chainExample, planExample } from '../../../src/api/engine-examples.ts'
import { type EngineCommands, engineCommands } from '../../support/engine-commands.ts'

const LOCAL = { kind: 'local', token: null, name: null }
const WHERE = 'name~**.example.com and expires<14d'
const { id } = planExample

let cli: EngineCommands
afterEach(() => cli.end())

describe.each(['server', 'offline'] as const)('over %s', (kind) => {
  beforeEach(async () => {
    cli = await engineCommands(kind)
  })

  test('a plan says what, why, how and what cannot be done', async () => {
    const { engine } = cli.operations
    const [line] = planExample.lines
    const cannot = {
      ...line!,
      line: 2,
      way: null,
      ca: null,
      cannot: 'its request was not seen: import it \u202e',
    }
    engine.planList = [{ ...planExample, lines: [line!, cannot] }]
    const { code, out, err } = await cli.run('reissue', 'plan', '--where', WHERE)
    expect(code).toBe(0)
    expect(out).toMatch(/lines +1 planned, 1 cannot be done\n/)
    expect(out).toMatch(
      /1 +shop\.example\.com +its renewal is 12 days overdue +same key +letsencrypt +shop\.example\.com +planned/,
    )
    expect(out).toMatch(
      /cannot be done\n {2}2 {2}shop\.example\.com: its request was not seen: import it \\u\{202e\}\n$/,
    )
    expect(err).toBe(`do it with: acmetap reissue apply ${id}\n`)
    expect(engine.calls).toEqual([['makePlan', { where: WHERE }, LOCAL]])
  })

  test('plans and one of them', async () => {
    expect((await cli.run('reissue', 'plans')).out).toMatch(new RegExp(`^PLAN .*\\n${id} +planned +8d ago`))
    expect((await cli.run('reissue', 'show', id)).out).toContain(`plan ${id}  planned`)
    expect(JSON.parse((await cli.run('reissue', 'show', id, '--json')).out)).toEqual(planExample)
    const other = id.replace(/1$/, '2')
    expect(await cli.run('reissue', 'show', other)).toMatchObject({
      code: 1,
      err: expect.stringContaining(`there is no plan ${other}`),
    })
  })

  test('it is applied line by line', async () => {
    const { code, out, err } = await cli.run('reissue', 'apply', id)
    expect([code, err]).toEqual([0, 'line 1: shop.example.com: running\nline 1: shop.example.com: done\n'])
    expect(out).toContain(`plan ${id}  done`)
    const json = await cli.run('reissue', 'apply', id, '--json')
    expect(
      json.out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(applyExample)
    expect(cli.operations.engine.calls[0]).toEqual(['applyPlan', id, LOCAL])
  })

  test('one that stopped is exit code 1, and says why', async () => {
    const failed = { ...planExample.lines[0]!, state: 'failed' as const, error: 'the CA refused it' }
    const plan = {
      ...planExample,
      state: 'stopped' as const,
      stoppedBecause: '1 of 1 lines failed',
      lines: [failed],
    }
    cli.operations.engine.reissueEvents = [
      { kind: 'line', line: failed },
      { kind: 'end', plan },
    ]
    const { code, out, err } = await cli.run('reissue', 'apply', id)
    expect(code).toBe(1)
    expect(out).toMatch(/stopped +1 of 1 lines failed/)
    expect(err).toContain('line 1: shop.example.com: failed: the CA refused it')
    expect(err).toContain(`1 failed. Go on with: acmetap reissue apply ${id}`)
  })

  test('a new certificate is picked up', async () => {
    expect(await cli.run('reissue', 'pickup', id, '1')).toMatchObject({ code: 0, out: chainExample })
    expect((await cli.run('reissue', 'pickup', id, '1', '--out', 'new.pem')).code).toBe(0)
    expect(readFileSync(path.join(cli.folder, 'new.pem'), 'utf8')).toBe(chainExample)
    expect(await cli.run('reissue', 'pickup', id, '2')).toMatchObject({
      code: 1,
      err: expect.stringContaining('line 2 has no certificate yet'),
    })
  })
})

describe('what makes no sense', () => {
  beforeEach(async () => {
    cli = await engineCommands('offline')
  })
  test.each([
    [['plan', '--where', 'expirez<3d'], /--where: column 1: .*Did you mean expires\?/],
    [['plan'], /--where/],
    [['show', 'x'], /is no id of a plan/],
    [['apply', '../x'], /is no id of a plan/],
    [['pickup', id, '0'], /is no number of a line/],
  ])('%j', async (words, message) => {
    const { code, err } = await cli.run('reissue', ...words)
    expect([code, err]).toEqual([2, expect.stringMatching(message)])
    expect(cli.alone.opened).toBe(0)
  })
})
