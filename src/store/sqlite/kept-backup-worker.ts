/** Copies for a server: no copy of what may be large holds up an exchange. */
import { answerRequests } from '../thread-side.ts'
import { backUpKept } from './kept-backup.ts'

answerRequests(() => ({
  handlers: {
    backUp: ({ folder, target }: { folder: string; target: string }) => backUpKept(folder, target),
  },
  close() {},
}))
