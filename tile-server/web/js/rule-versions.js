// Which rules a finding followed: documents by their titles, with their versions.

import { facts } from './element.js';
import { say, sayCode } from './words.js';

/** `versions` is an object of versions by name. */
export const ruleVersions = (versions) => facts(Object.entries(versions || {}).map(([name, version]) => [sayCode('rule', name), version === 'shipped' ? say('shipped') : version]));
