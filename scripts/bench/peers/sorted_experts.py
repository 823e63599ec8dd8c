"""How tokens get to experts in the peers as in m6: the choices are sorted by expert and gathered, and for the gradient gathered the other way."""
import functools

import jax
import jax.numpy as jnp


def take(x, index):
    """x[g, index[g,i]], 0 where index is none of [0, M)."""
    there = (index >= 0) & (index < x.shape[1])
    y = jnp.take_along_axis(x, jnp.clip(index, 0, x.shape[1] - 1)[..., None], 1, mode="promise_in_bounds")
    return jnp.where(there[..., None], y, 0)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def dispatch(k, x, seat, token):
    return take(x, token)


def dispatch_backward(k, seat, dy):
    (G, Q), D = seat.shape, dy.shape[2]
    return take(dy, seat).reshape(G, k, Q // k, D).sum(1), None, None


dispatch.defvjp(lambda k, x, seat, token: (take(x, token), seat), dispatch_backward)


@jax.custom_vjp
def combine(y, seat, choice):
    return take(y, seat)


combine.defvjp(lambda y, seat, choice: (take(y, seat), choice), lambda choice, dy: (take(dy, choice), None, None))


def by_sorting(x, expert, gate, E, C, at_experts):
    """x [G,N,D] through the experts [G,k,N] with C seats each, weighed by gate [G,k,N]; at_experts is of [E,G,C,D]."""
    G, k, N = expert.shape
    D, Q = x.shape[2], k * N
    place = jnp.broadcast_to(jnp.arange(Q), (G, Q))
    group = jnp.broadcast_to(jnp.arange(G)[:, None], (G, Q))
    key = jnp.sort(expert.reshape(G, Q) * Q + place, 1)
    wanted, choice = key // Q, key % Q
    begins = jnp.concatenate([jnp.ones((G, 1), bool), wanted[:, 1:] != wanted[:, :-1]], 1)
    rank = place - jax.lax.cummax(jnp.where(begins, place, 0), 1)
    seat = jnp.where(rank < C, wanted * C + rank, E * C)
    seats = jnp.zeros((G, Q), jnp.int32).at[group, choice].set(seat, unique_indices=True, mode="promise_in_bounds")
    sits = jnp.full((G, E * C), -1).at[group, seat].set(choice, mode="drop")
    sent = dispatch(k, x, seats, jnp.where(sits < 0, -1, sits % N))
    y = at_experts(sent.reshape(G, E, C, D).transpose(1, 0, 2, 3))
    y = combine(y.transpose(1, 0, 2, 3).reshape(G, E * C, D), seats, sits)
    return (y.reshape(G, k, N, D) * gate[..., None].astype(x.dtype)).sum(1)
