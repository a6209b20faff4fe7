export async function startOther(_variant: string): Promise<object> {
  return {};
}
