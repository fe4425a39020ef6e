/** Imports a module of the user. In a file of its own: `core.js` must not contain `import()`, which fails in code from the code cache (`code-cache.ts`). */
export const importModule = (url: string): Promise<unknown> => import(url);
