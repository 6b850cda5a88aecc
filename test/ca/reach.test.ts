import { spawnSync } from 'node:child_process'
import path from 'node:path'
import ipaddr from 'ipaddr.js'
import { expect, test } from 'vitest'
import { SPECIAL_IPV4, SPECIAL_IPV6, whyNotPublic } from '../../src/ca/address-class.ts'
import { INTERNAL_SPELLINGS } from '../support/internal-address-spellings.ts'
import { reasonWithout } from '../support/missing.ts'
import type { Reach } from './reach-process.ts'
import { isGlobalByPython, probesOf } from './special-addresses.ts'

const NAMESPACE = ['--user', '--map-root-user', '--net']

async function reasonNotToRun(): Promise<string | null> {
  const missing = await reasonWithout('unshare', 'ip', 'python3')
  if (missing) return missing
  return spawnSync('unshare', [...NAMESPACE, 'true']).status === 0
    ? null
    : 'no right to make a network namespace'
}

const reason = await reasonNotToRun()

test.skipIf(reason !== null)(
  `in a network where every address answers, only public ones are called${reason ? `: ${reason}` : ''}`,
  () => {
    const networks = [...SPECIAL_IPV4, ...SPECIAL_IPV6].map(({ network }) => network)
    const edges = networks.map(probesOf).flatMap(({ inside, outside }) => [...inside, ...outside])
    const spelt = INTERNAL_SPELLINGS.map(({ written }) => written.replace(/^\[(.*)\]$/s, '$1'))
    const ordinary = [
      '8.8.8.8',
      '172.65.32.248',
      '2606:4700:60:0:f53d:5624:85c7:3a2c',
      '64:ff9b::172.65.32.248',
    ]
    const ran = spawnSync(
      'unshare',
      [...NAMESPACE, process.execPath, path.join(import.meta.dirname, 'reach-process.ts')],
      { input: JSON.stringify([...edges, ...ordinary, ...spelt]), encoding: 'utf8' },
    )
    expect([ran.status, ran.stderr]).toEqual([0, ''])
    const reach = JSON.parse(ran.stdout) as Reach

    const plain = (address: string) => ipaddr.process(address).toString()
    const allowed = [...new Set([...edges, ...ordinary])].filter((one) => whyNotPublic(one) === null)
    // The DNS server there leads some of the names to this one.
    const arrived = reach.arrived.filter((address) => address !== '8.8.4.4')
    expect([...arrived].sort()).toEqual([...new Set(allowed.map(plain))].sort())
    expect(isGlobalByPython(arrived)).toEqual(arrived.map(() => true))
    expect(arrived.length).toBeGreaterThan(ordinary.length + 15)

    expect(reach.rebinding.arrived).toEqual(['8.8.4.4'])
    expect(reach.rebinding.connected).toBeGreaterThan(200)
    expect(reach.rebinding.refused).toBeGreaterThan(500)
    expect([...reach.vouched].sort()).toEqual(['10.0.0.1', '127.0.0.1', '169.254.169.254', '192.168.1.1'])
  },
)
