/** The broker's thread: no commit of what it must not forget holds up an exchange. */
import { workerData } from 'node:worker_threads'
import { answerRequests } from '../../thread-side.ts'
import { type BrokerData, brokerSide } from './broker-side.ts'

answerRequests(() => brokerSide(workerData as BrokerData))
