import { cleanEnvironment, runProgram } from '../../../src/cli/demo/child.ts'
import { needs } from './client.ts'
import { libraryClient } from './library-client.ts'

/** Debian's own: another Python in the PATH has not Debian's packages. */
const PYTHON = '/usr/bin/python3'

export const pythonAcme = libraryClient({
  name: 'python3-acme',
  methods: ['http-01', 'dns-01'],
  userAgent: /^acmetap-test-python/,
  survivesBadNonce: true,
  knowsEab: true,
  rollsKey: false,
  async missing() {
    const program = await needs('python3')
    if (program !== null) return program
    const asked = await runProgram(PYTHON, ['-c', 'import acme.client'], {
      environment: cleanEnvironment('/'),
      folder: '/',
    })
    return asked.code === 0 ? null : 'python3-acme is not installed'
  },
  command: [PYTHON, 'python-acme.py'],
  environment: ({ trust }) => ({ REQUESTS_CA_BUNDLE: trust, PYTHONWARNINGS: 'ignore' }),
})
