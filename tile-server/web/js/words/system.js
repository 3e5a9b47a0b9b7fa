export const SYSTEM = {};
