export const PROJECT = {};
