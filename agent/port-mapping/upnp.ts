import { createSocket } from 'node:dgram';
import { XMLParser } from 'fast-xml-parser';
import { WarrenError } from '../../shared/errors.ts';
import type { Mapping, MappingRequest } from './mapping.ts';

/**
 * Port mappings by UPnP: finding the gateway by SSDP (UPnP Device Architecture 2.0, 1.3), then SOAP calls to its
 * WANIPConnection or WANPPPConnection service. Only what the default gateway itself says is believed, and only its own
 * address is called.
 */
const MULTICAST = '239.255.255.250';
const SSDP_PORT = 1900;
const SEARCH_WAIT = 2_000;
const CALL_TIMEOUT = 4_000;
const MAX_BODY = 256 * 1024;
const DEVICES = [1, 2].map((version) => `urn:schemas-upnp-org:device:InternetGatewayDevice:${version}`);
const SERVICES = ['WANIPConnection:2', 'WANIPConnection:1', 'WANPPPConnection:1'].map(
  (service) => `urn:schemas-upnp-org:service:${service}`,
);
/** The gateway knows mappings without an end only (error 725). */
const ONLY_PERMANENT_LEASES = 725;
/** The external port is another host's (718), or must be some other (wildcards, 729). */
const CONFLICTS = [718, 729];
const OTHER_PORTS = 3;

const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  processEntities: false,
});

interface Control {
  url: URL;
  service: string;
  signal: AbortSignal | undefined;
}

/** Makes the mapping, or takes it away (`lifetime` 0). Throws `unavailable` with the reason. */
export async function upnpMap(request: MappingRequest): Promise<Mapping> {
  const control = await findControl(await findGateway(request), request.signal);
  if (request.lifetime === 0) {
    await call(control, 'DeletePortMapping', {
      NewRemoteHost: '',
      NewExternalPort: request.externalPort,
      NewProtocol: 'UDP',
    });
    return { protocol: 'UPnP', externalAddress: '0.0.0.0', externalPort: request.externalPort, lifetime: 0 };
  }
  const { externalPort, lifetime } = await addMapping(control, request);
  const answer = await call(control, 'GetExternalIPAddress', {});
  return {
    protocol: 'UPnP',
    externalAddress: String(answer.NewExternalIPAddress ?? ''),
    externalPort,
    lifetime,
  };
}

async function addMapping(
  control: Control,
  request: MappingRequest,
): Promise<{ externalPort: number; lifetime: number }> {
  let { externalPort } = request;
  let lifetime = request.lifetime;
  for (let tries = 0; ; tries++) {
    try {
      await call(control, 'AddPortMapping', {
        NewRemoteHost: '',
        NewExternalPort: externalPort,
        NewProtocol: 'UDP',
        NewInternalPort: request.port,
        NewInternalClient: request.own,
        NewEnabled: 1,
        NewPortMappingDescription: 'Warren',
        NewLeaseDuration: lifetime,
      });
      return { externalPort, lifetime: lifetime === 0 ? request.lifetime : lifetime };
    } catch (error) {
      const code = error instanceof UpnpError ? error.upnpCode : 0;
      if (code === ONLY_PERMANENT_LEASES && lifetime !== 0) lifetime = 0;
      else if (CONFLICTS.includes(code) && tries < OTHER_PORTS) {
        externalPort = 1024 + ((externalPort - 1024 + 7919) % (65536 - 1024));
      } else throw error;
    }
  }
}

/** The URL of the gateway's description, from its answer to a search. */
function findGateway({ gateway, own, signal }: MappingRequest): Promise<URL> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      socket.close();
      settle();
    };
    const timer = setTimeout(
      () => end(() => reject(new WarrenError('unavailable', 'the gateway does not answer by UPnP'))),
      SEARCH_WAIT,
    );
    const abort = () => end(() => reject(signal?.reason));
    signal?.addEventListener('abort', abort);
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('message', (message, { address }) => {
      if (address !== gateway) return;
      const location = /^location:\s*(\S+)/im.exec(message.toString('latin1'))?.[1];
      const url = location === undefined ? null : URL.parse(location);
      if (url?.protocol === 'http:' && url.hostname === gateway) end(() => resolve(url));
    });
    socket.bind(0, own, () => {
      try {
        socket.setMulticastInterface(own);
        socket.setMulticastTTL(2);
      } catch (error) {
        end(() => reject(error as Error));
        return;
      }
      for (const device of DEVICES) {
        const search = `M-SEARCH * HTTP/1.1\r\nHOST: ${MULTICAST}:${SSDP_PORT}\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ${device}\r\n\r\n`;
        socket.send(search, SSDP_PORT, MULTICAST, () => {});
      }
    });
  });
}

/** Where the service that makes mappings is called, from the description of the gateway. */
async function findControl(description: URL, signal: AbortSignal | undefined): Promise<Control> {
  const { root } = parseXml(await fetchText(description, {}, signal));
  for (const service of SERVICES) {
    const path = controlPath((root as { device?: unknown } | undefined)?.device, service, 0);
    const url = path === null ? null : URL.parse(path, description.href);
    if (url?.protocol === 'http:' && url.hostname === description.hostname) return { url, service, signal };
  }
  throw new WarrenError('unavailable', 'the gateway has no service for port mappings');
}

/** Devices lie inside devices: gateway, WAN device, connection device. */
function controlPath(device: unknown, service: string, depth: number): string | null {
  if (depth > 4) return null;
  for (const each of listOf(device)) {
    const { serviceList, deviceList } = each as {
      serviceList?: { service?: unknown };
      deviceList?: { device?: unknown };
    };
    for (const { serviceType, controlURL } of listOf(serviceList?.service) as Record<string, unknown>[]) {
      if (serviceType === service && typeof controlURL === 'string') return controlURL;
    }
    const found = controlPath(deviceList?.device, service, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

function listOf(value: unknown): object[] {
  return (Array.isArray(value) ? value : [value]).filter(
    (each) => typeof each === 'object' && each !== null,
  ) as object[];
}

class UpnpError extends WarrenError {
  readonly upnpCode: number;
  constructor(action: string, upnpCode: number) {
    super('unavailable', `the gateway refuses ${action}: UPnP error ${upnpCode}`);
    this.upnpCode = upnpCode;
  }
}

async function call(
  { url, service, signal }: Control,
  action: string,
  values: Record<string, string | number>,
): Promise<Record<string, unknown>> {
  // Values are numbers and addresses of our own: nothing in them needs escaping.
  const fields = Object.entries(values).map(([name, value]) => `<${name}>${value}</${name}>`);
  const body =
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
    `<u:${action} xmlns:u="${service}">${fields.join('')}</u:${action}></s:Body></s:Envelope>`;
  const text = await fetchText(
    url,
    {
      method: 'POST',
      headers: { 'Content-Type': 'text/xml; charset="utf-8"', SOAPAction: `"${service}#${action}"` },
      body,
    },
    signal,
  );
  const { Envelope } = parseXml(text) as { Envelope?: { Body?: Record<string, unknown> } };
  const code = /<errorCode>\s*(\d+)\s*</.exec(text)?.[1];
  if (code !== undefined) throw new UpnpError(action, Number(code));
  const answer = Envelope?.Body?.[`${action}Response`];
  if (answer === undefined)
    throw new WarrenError('unavailable', `the gateway's answer to ${action} is not one`);
  return typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {};
}

/** A refusal comes with status 500 and a body that says why. */
async function fetchText(url: URL, options: RequestInit, signal: AbortSignal | undefined): Promise<string> {
  try {
    const response = await fetch(url, {
      ...options,
      redirect: 'error',
      signal: AbortSignal.any([AbortSignal.timeout(CALL_TIMEOUT), ...(signal ? [signal] : [])]),
    });
    if (!response.ok && response.status !== 500) throw new Error(`HTTP status ${response.status}`);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > MAX_BODY) throw new Error('its answer is too long');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch (cause) {
    throw new WarrenError('unavailable', `the gateway cannot be asked by UPnP: ${String(cause)}`, { cause });
  }
}

function parseXml(text: string): Record<string, unknown> {
  try {
    return parser.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new WarrenError('unavailable', 'the gateway answers by UPnP with what is no XML', { cause });
  }
}
