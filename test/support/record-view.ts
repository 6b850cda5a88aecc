import path from 'node:path'
import { controlSocketPath } from '../../src/api/control-socket.ts'
import type { RecordedExchange } from '../../src/audit/record-store.ts'
import { connectControl } from '../../src/cli/control-client.ts'

const PAGE = 1000

/** The record of a running acmetap, read the way its own commands read it. */
export interface RecordView {
  /** The sequence number of the youngest intent. */
  end(): Promise<number>
  /** Every exchange after it, oldest first. */
  after(sequence: number): Promise<RecordedExchange[]>
}

export async function recordOf(config: string): Promise<RecordView> {
  const operations = await connectControl(controlSocketPath(path.join(path.dirname(config), 'data')))
  if (operations === null) throw new Error('acmetap does not answer on its control socket')
  return {
    async end() {
      const [youngest] = await operations.exchanges({}, 1)
      return youngest?.intent.sequence ?? 0
    },
    async after(sequence) {
      const exchanges: RecordedExchange[] = []
      for (;;) {
        const page = await operations.exchanges(
          { after: exchanges.at(-1)?.intent.sequence ?? sequence },
          PAGE,
        )
        exchanges.push(...page)
        if (page.length < PAGE) return exchanges
      }
    },
  }
}
