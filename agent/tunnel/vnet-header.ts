/** struct virtio_net_hdr (include/uapi/linux/virtio_net.h): flags, gso_type, hdr_len, gso_size, csum_start, csum_offset. */
export const VNET_HEADER_LENGTH = 10;

/** flags: the checksum at csum_start + csum_offset holds the pseudo-header's sum only. */
export const NEEDS_CSUM = 1;

/** gso_type, less the bit that says that the first segment carries CWR. */
export const GSO_TYPE_MASK = 0x7f;
export const GSO_NONE = 0;
export const GSO_TCPV4 = 1;
export const GSO_TCPV6 = 4;
export const GSO_UDP_L4 = 5;

export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
