// What a sandboxed worker runs, in a process or a thread of its own.
export default async () => "done";
