import { type RandomBytes, type Refuse, shown } from "../file.ts";
import { interpretCall } from "./calls.ts";
import { Cursor } from "./cursor.ts";
import type { LoadedPickle } from "./pickled.ts";
import { Storages } from "./storages.ts";
import { bytesHeld } from "./tensors.ts";
import { unpickle } from "./unpickle.ts";
import { type Member, memberBytes } from "../zip.ts";

/** torch's zip layout (1.6 and later): `TOP/data.pkl`, `TOP/data/KEY` for each storage, `TOP/byteorder`. */
export function readZipCheckpoint(
  bytes: RandomBytes,
  members: ReadonlyMap<string, Member>,
  refuse: Refuse,
): LoadedPickle {
  const top = topFolder(members, refuse);
  const pickle =
    members.get(`${top}/data.pkl`) ?? refuse(`the zip archive has no ${shown(top)}/data.pkl: torch did not write it`);
  const storages = new Storages(bytes, refuse);
  const bigEndian = byteOrder(bytes, members.get(`${top}/byteorder`), refuse) === "big";
  const value = unpickle(
    new Cursor(memberBytes(bytes, pickle), refuse),
    {
      call: (callee, args, charge) => interpretCall(callee, args, refuse, charge),
      persistent: (id) => storages.declare(id),
    },
    refuse,
  );
  for (const storage of storages.declared()) {
    const member = members.get(`${top}/data/${storage.key}`);
    if (member === undefined) {
      if (bytesHeld(storage) > 0) refuse(`the zip archive has no member ${shown(`${top}/data/${storage.key}`)}`);
    } else storages.place(storage.key, member.begin, member.size);
  }
  return { value, storages, bigEndian };
}

/** Every member lies in one folder of any name. */
function topFolder(members: ReadonlyMap<string, Member>, refuse: Refuse): string {
  const tops = new Set([...members.keys()].map((name) => name.slice(0, Math.max(0, name.indexOf("/")))));
  const [top, ...rest] = tops;
  if (top === undefined) return refuse("the zip archive is empty");
  if (top === "" || rest.length > 0)
    return refuse("the zip archive is not one of torch: its members do not lie in one folder");
  for (const name of members.keys()) {
    if (name === `${top}/constants.pkl` || name.startsWith(`${top}/code/`)) {
      refuse(`it is a TorchScript program (it has ${shown(name)}), not a checkpoint`);
    }
  }
  return top;
}

function byteOrder(bytes: RandomBytes, member: Member | undefined, refuse: Refuse): "little" | "big" {
  if (member === undefined) return "little";
  const text = member.size > 16 ? "" : Buffer.from(bytes.read(member.begin, member.size)).toString("latin1").trim();
  return text === "little" || text === "big" ? text : refuse(`its byte order is "${shown(text)}", not little or big`);
}
