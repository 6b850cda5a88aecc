import type { InventoryReader } from '../audit/inventory/inventory-reader.ts'
import { openInventory, type ServedInventory } from '../store/sqlite/inventory/open-inventory.ts'

/** The inventory of a folder that this process holds, opened with the first question to it. */
export function inventoryWhenAsked(folder: string): ServedInventory {
  let opening: Promise<ServedInventory> | null = null
  const opened = () => {
    opening ??= openInventory({ folder })
    return opening
  }
  const reader = async () => (await opened()).reader
  const lookups = async () => (await opened()).lookups
  const counts = async () => (await opened()).counts
  return {
    reader: readerWhenAsked(reader),
    lookups: {
      accountBinding: async (...given) => (await lookups()).accountBinding(...given),
      namesOfKey: async (...given) => (await lookups()).namesOfKey(...given),
      hasAccountKey: async (...given) => (await lookups()).hasAccountKey(...given),
      takenOrders: async (...given) => (await lookups()).takenOrders(...given),
    },
    counts: {
      currentCertificates: async (...given) => (await counts()).currentCertificates(...given),
      happeningsAfter: async (...given) => (await counts()).happeningsAfter(...given),
    },
    wake: () => void opening?.then((one) => one.wake()).catch(() => {}),
    rebuild: async () => (await opened()).rebuild(),
    async close() {
      if (opening !== null) await (await opening.catch(() => null))?.close()
    },
  }
}

/** A reader that asks for the one behind it with each question. */
export function readerWhenAsked(reader: () => Promise<InventoryReader>): InventoryReader {
  return {
    exchanges: async (filter) => (await reader()).exchanges(filter),
    accounts: async (filter) => (await reader()).accounts(filter),
    clients: async (filter) => (await reader()).clients(filter),
    orders: async (filter) => (await reader()).orders(filter),
    order: async (id) => (await reader()).order(id),
    challenges: async (filter) => (await reader()).challenges(filter),
    certificates: async (filter) => (await reader()).certificates(filter),
    certificate: async (id) => (await reader()).certificate(id),
    certificatePem: async (fingerprint) => (await reader()).certificatePem(fingerprint),
    failures: async (filter) => (await reader()).failures(filter),
    rateLimits: async (filter) => (await reader()).rateLimits(filter),
    summary: async (filter) => (await reader()).summary(filter),
    progress: async () => (await reader()).progress(),
  }
}
