/** The writer's thread, so that no commit blocks the event loop. */
import { workerData } from 'node:worker_threads'
import { answerRequests } from '../thread-side.ts'
import { type WriterData, writerSide } from './writer-side.ts'

answerRequests(() => writerSide(workerData as WriterData))
