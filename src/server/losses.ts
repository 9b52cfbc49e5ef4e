import { describeLoss, type LossDescription } from './engine/training/losses.ts';
import { HttpError, unsupported } from './errors.ts';

/** What a loss reads; a loss that the engine does not compute is refused by name. */
export function findLossRules(loss: string): LossDescription {
  const description = describeLoss(loss);
  if (description === undefined) throw unsupported(`The loss ${loss || '(none given)'}`);
  return description;
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
