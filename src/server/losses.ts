import { describeLoss, type LossDescription } from './engine/training/losses.ts';
import { HttpError, unsupported } from './errors.ts';

/** Why the engine cannot have what the service has. */
const refusals: Readonly<Record<string, string>> = {
  stable_reinforce: 'its objective is not published',
  custom: 'losses are not uploaded here, the client computes them',
};

/** What a loss reads; a loss that the engine does not compute is refused by name. */
export function findLossRules(loss: string): LossDescription {
  const description = describeLoss(loss);
  if (description !== undefined) return description;
  const reason = Object.hasOwn(refusals, loss) ? refusals[loss] : undefined;
  throw unsupported(`The loss ${loss || '(none given)'}`, reason);
}

/** The options of a loss as numbers; unknown ones and texts are refused by name. */
export function checkLossConfig(
  loss: string,
  config: Readonly<Record<string, number | string>>,
): Record<string, number> {
  const { configKeys: known } = findLossRules(loss);
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => {
      if (!known.includes(key)) {
        const hint = known.length === 0 ? 'it has no options' : `it has ${known.join(', ')}`;
        throw new HttpError(422, `loss_fn_config.${key}: the loss ${loss} has no such option; ${hint}`);
      }
      if (typeof value !== 'number' || !Number.isFinite(value)) {
        throw new HttpError(422, `loss_fn_config.${key} must be a finite number`);
      }
      return [key, value];
    }),
  );
}
