import { InvalidArgumentError } from '../../core/errors.ts';
import { lossFns, type LossFn, type LossFnConfig } from '../../types/loss.ts';
import { lossShapes } from './loss-inputs.ts';

/** The options of a loss as they travel: those that are undefined are left out. Throws naming the key that is wrong. */
export function checkLoss(
  loss: LossFn,
  config: Readonly<Record<string, number | string | undefined>> = {},
): LossFnConfig {
  if (!lossFns.includes(loss)) {
    throw new InvalidArgumentError(
      `loss_fn must be one of ${lossFns.join(', ')}, and is ${JSON.stringify(loss)}`,
    );
  }
  const checked: Record<string, number | string> = {};
  for (const [name, value] of Object.entries(config)) {
    if (value === undefined) continue;
    checkKey(loss, name);
    checked[name] = checkOption(loss, name, value);
  }
  if (loss === 'custom' && !checked['loss_id']) {
    throw new InvalidArgumentError(
      'loss_fn_config.loss_id: the loss custom needs the id of createCustomLoss',
    );
  }
  return checked;
}

function checkKey(loss: LossFn, name: string): void {
  const { config, takesMore } = lossShapes[loss];
  if (takesMore || Object.hasOwn(config, name)) return;
  const keys = Object.keys(config);
  const known = keys.length === 0 ? 'it takes none' : `it takes ${keys.join(', ')}`;
  throw new InvalidArgumentError(`loss_fn_config.${name}: the loss ${loss} has no such key; ${known}`);
}

function checkOption(loss: LossFn, name: string, value: number | string): number | string {
  const { config } = lossShapes[loss];
  const kind = Object.hasOwn(config, name) ? config[name] : undefined;
  const isNumber = Number.isFinite(value);
  const isText = typeof value === 'string';
  if (kind === 'number' ? isNumber : kind === 'text' ? isText : isNumber || isText) return value;
  const wanted =
    kind === 'number' ? 'a finite number' : kind === 'text' ? 'a text' : 'a finite number or a text';
  throw new InvalidArgumentError(`loss_fn_config.${name} must be ${wanted}, and is ${String(value)}`);
}
