import { type CommandContext, command } from '../command-context.ts'
import { checkPolicyCommand } from './check.ts'
import { explainPolicyCommand } from './explain.ts'
import { replayPolicyCommand } from './replay.ts'
import { showPolicyCommand } from './show.ts'
import { testPolicyCommand } from './test.ts'

export function policyCommand(context: CommandContext) {
  return command('policy', 'who may get which certificate: the rules in force, and candidates for them', [
    ['policy show', 'the rules that decide now'],
    ['policy check new.yaml', 'whether it can be used, and what is odd about it'],
    ['policy explain --name www.example.com --label web', 'who would decide such an order, and why'],
    ['policy explain 0198c0de-…', 'how a recorded request was decided'],
    ['policy test new.yaml', 'its test cases'],
    ['policy replay --since 30d --file new.yaml', 'what it would have changed in the last month'],
  ])
    .addCommand(showPolicyCommand(context))
    .addCommand(checkPolicyCommand(context))
    .addCommand(explainPolicyCommand(context))
    .addCommand(testPolicyCommand(context))
    .addCommand(replayPolicyCommand(context))
}
