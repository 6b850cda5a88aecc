import { z } from 'zod'
import { diagnosis } from '../../audit/diagnosis/diagnosis.ts'
import { account } from '../../audit/inventory/account.ts'
import { certificate } from '../../audit/inventory/certificate.ts'
import { challenge } from '../../audit/inventory/challenge.ts'
import { client } from '../../audit/inventory/client.ts'
import { correlation, failure, rateLimitEvent } from '../../audit/inventory/failure.ts'
import { authorization, order, orderDetail, step } from '../../audit/inventory/order.ts'
import { summary } from '../../audit/inventory/summary.ts'
import { problemDocument } from '../problem.ts'
import { engineAccount, engineJob, managedCertificate, reissueLine, shownPlan } from './engine.ts'
import { exchange } from './exchange.ts'
import { explainedCondition, explanation, policyCheck, policyInForce, testReport } from './policy.ts'
import { ca, progress, status, token } from './server.ts'

/** As generated clients will call them. */
const NAMES = {
  Exchange: exchange,
  Account: account,
  Client: client,
  Order: order,
  OrderDetail: orderDetail,
  Authorization: authorization,
  Step: step,
  Certificate: certificate,
  Challenge: challenge,
  Failure: failure,
  Diagnosis: diagnosis,
  Correlation: correlation,
  RateLimitEvent: rateLimitEvent,
  Summary: summary,
  Policy: policyInForce,
  PolicyCheck: policyCheck,
  PolicyTestReport: testReport,
  Explanation: explanation,
  ExplainedCondition: explainedCondition,
  EngineAccount: engineAccount,
  EngineJob: engineJob,
  ManagedCertificate: managedCertificate,
  ReissuePlan: shownPlan,
  ReissueLine: reissueLine,
  Ca: ca,
  Status: status,
  Progress: progress,
  Token: token,
  Problem: problemDocument,
}

/** Gives the schemas their names in the document. Doing it again changes nothing. */
export function nameSchemas(): void {
  for (const [id, schema] of Object.entries(NAMES)) {
    z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), id })
  }
}
