import { cleanEnvironment, runProgram } from '../../../src/cli/demo/child.ts'
import { needs } from './client.ts'
import { libraryClient } from './library-client.ts'

export const rubyAcmeClient = libraryClient({
  name: 'ruby acme-client',
  methods: ['http-01', 'dns-01'],
  userAgent: /^Acme::Client/,
  survivesBadNonce: false,
  // Debian's is 2.0.9; they came with 2.0.13.
  knowsEab: false,
  rollsKey: true,
  async missing() {
    const program = await needs('ruby')
    if (program !== null) return program
    const asked = await runProgram('ruby', ['-e', 'require "acme-client"'], {
      environment: cleanEnvironment('/'),
      folder: '/',
    })
    return asked.code === 0 ? null : 'ruby-acme-client is not installed'
  },
  command: ['ruby', 'ruby-acme-client.rb'],
  environment: ({ trust }) => ({ SSL_CERT_FILE: trust }),
})
