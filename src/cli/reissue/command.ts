import { type CommandContext, command } from '../command-context.ts'
import { applyPlanCommand } from './apply.ts'
import { pickupCommand } from './pickup.ts'
import { planCommand } from './plan.ts'
import { plansCommand } from './plans.ts'
import { showPlanCommand } from './show.ts'

export function reissueCommand(context: CommandContext) {
  return command('reissue', 'obtain certificates again that a rule chooses: plan first, then apply', [
    ["reissue plan --where 'name~**.example.com and expires<14d'", 'what would be done, and what cannot be'],
    ['reissue apply 019ab003-…', 'do it, line by line'],
    ['reissue show 019ab003-…', 'how far it is'],
    ['reissue pickup 019ab003-… 3 --out shop.pem', 'one of the new certificates'],
  ])
    .addHelpText('after', '\nThe words of --where, and what each way of a line means: docs/engine.md.')
    .addCommand(planCommand(context))
    .addCommand(plansCommand(context))
    .addCommand(showPlanCommand(context))
    .addCommand(applyPlanCommand(context))
    .addCommand(pickupCommand(context))
}
