/** Seconds of CPU time that the server has used. */
export async function serverCpu(redis) {
  const info = await redis.info('cpu');
  return field(info, 'used_cpu_sys') + field(info, 'used_cpu_user');
}

/** Bytes that the server has in use, without the buffers of its connections, which come and go. */
export async function serverMemory(redis) {
  const info = await redis.info('memory');
  return field(info, 'used_memory') - field(info, 'mem_clients_normal');
}

function field(info, name) {
  return Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(info)[1]);
}
