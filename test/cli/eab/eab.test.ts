import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eabKeyExample } from '../../../src/api/broker-examples.ts'
import { type BrokerCommands, brokerCommands } from '../../support/broker/broker-commands.ts'

describe.each(['server', 'offline'] as const)('over %s', (kind) => {
  let commands: BrokerCommands
  beforeEach(async () => {
    commands = await brokerCommands(kind)
  })
  afterEach(async () => {
    expect(commands.alone.closed).toBe(commands.alone.opened)
    await commands.end()
  })
  const create = (...words: string[]) => commands.run('eab', 'create', '--label', 'team-a', ...words)

  test('a key is told once, with lines for each client', async () => {
    const { code, out, err } = await create('--names', '.a.example')
    expect([code, err]).toEqual([0, expect.stringMatching(/told this once, and never again/)])
    const mac = 'm'.repeat(43)
    expect(out).toContain(mac)
    for (const line of [
      `certbot register --server https://acme.example.net/fleet/directory --eab-kid key-2 --eab-hmac-key ${mac}`,
      `lego --server https://acme.example.net/fleet/directory --eab --kid key-2 --hmac ${mac} … run`,
      `EAB_HMAC_KEY="${mac}"`,
      `\t\tmac_key ${mac}`,
      `        hmacEncoded: ${mac}`,
      'keySecretRef: { name: acmetap-eab, key: secret }',
      `MDExternalAccountBinding key-2 ${mac}`,
      `acme.sh --register-account --server https://acme.example.net/fleet/directory --eab-kid key-2 --eab-hmac-key ${mac}`,
    ])
      expect(out).toContain(line)
    expect(commands.alone.opened).toBe(kind === 'offline' ? 1 : 0)
    expect((await commands.run('eab', 'list')).out).not.toContain(mac)
  })

  test('what was asked for arrives whole', async () => {
    const words = [
      '--names',
      '.a.example,b.example',
      '--names',
      '*.c.example',
      '--endpoint',
      'fleet',
      '--ca',
      'zerossl',
    ]
    const { code, err } = await create(...words, '--uses', '3', '--expires', '90d', '--json')
    expect(code, err).toBe(0)
    const [call, request, actor] = commands.operations.broker.calls.at(-1)!
    expect([call, actor]).toEqual(['createEabKey', { kind: 'local', token: null, name: null }])
    expect(request).toEqual({
      label: 'team-a',
      names: ['.a.example', 'b.example', '*.c.example'],
      endpoints: ['fleet'],
      cas: ['zerossl'],
      uses: 3,
      expiresAt: '2027-03-01T00:00:00.000Z',
    })
  })

  test('what *. means is said', async () => {
    expect((await create('--names', '*.a.example')).err).toContain(
      '*.a.example is every name one label below a.example, and the wildcard *.a.example itself; not a.example, and nothing deeper. All of it is .a.example',
    )
    expect((await create('--names', '.a.example')).err).not.toContain('one label below')
  })

  test.each([
    [[], /--names must say which names/],
    [['--names', ''], /--names must say which names/],
    [['--names', ' , '], /--names must say which names/],
    [['--names', '', '--any-name'], /exclude each other/],
    [['--names', '.a', '--any-name'], /exclude each other/],
    [['--any-name', '--uses', '0'], /--uses must be a number from 1/],
    [['--any-name', '--uses', '1.5'], /--uses must be/],
    [['--any-name', '--expires', 'soon'], /--expires "soon" is not a time/],
    [['--any-name', '--expires', '2026-11-30'], /has passed/],
  ])('%j is a mistake, and nothing is made', async (words, said) => {
    const { code, err } = await create(...words)
    expect([code, err]).toEqual([2, expect.stringMatching(said)])
    expect(commands.operations.broker.calls).toEqual([])
  })

  test('keys are listed, and ended', async () => {
    const { out } = await commands.run('eab', 'list', '--utc')
    const [titles, row] = out.split('\n')
    expect(titles).toMatch(/^ID +LABEL +NAMES +ENDPOINTS +CAS +ACCOUNTS +ENDS +STATE$/)
    expect(row).toMatch(/team-a +\.a\.example +fleet +all +2 of 5 +2027-02-20T01:20:25Z +usable/)
    expect(JSON.parse((await commands.run('eab', 'list', '--json')).out)).toEqual([eabKeyExample])
    const revoked = await commands.run('eab', 'revoke', eabKeyExample.id)
    expect(revoked).toEqual({
      code: 0,
      out: `${eabKeyExample.id} (team-a) is revoked\n`,
      err: '2 accounts made with it can order nothing any more; certificates they have stay valid\n',
    })
    expect((await commands.run('eab', 'list')).out).toMatch(/revoked/)
    expect((await commands.run('eab', 'revoke', 'A'.repeat(22))).err).toMatch(
      /there is no EAB key with this id/,
    )
    expect(await commands.run('eab', 'revoke', 'm'.repeat(43))).toMatchObject({
      code: 2,
      err: expect.stringMatching(/never a MAC key/),
    })
  })

  test('without any key a list says how to make one', async () => {
    commands.operations.broker.keyList = []
    expect((await commands.run('eab', 'list')).err).toMatch(/acmetap eab create --label team-a/)
  })
})
