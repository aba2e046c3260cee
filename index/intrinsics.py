"""Machine operations that Numba has no name for, each with a plain Python twin.

The plain twins run when the JIT is disabled (NUMBA_DISABLE_JIT=1, used to measure coverage); the
compiled forms are LLVM instructions on 16-bit lanes, which the loop vectoriser and the back end
turn into SIMD on any processor. Numba's own ``>>`` and ``+`` on uint16 widen to 64 bits, at five
times the cost.
"""

from __future__ import annotations

from typing import Any

import numba
from numba import types

__all__ = [
    "LANES",
    "bit_count",
    "lanes_at_least",
    "lanes_max",
    "lower_half",
    "lowest_bit",
    "plus",
    "prefetch",
    "scaled",
    "upper_half",
]

LANES = 64
"""How many uint16 accumulators `lanes_at_least` and `lanes_max` read at once."""

if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]

    def scaled(code: Any, weight: Any, shift: Any, rounding: Any) -> int:
        """Return ``(code * weight + rounding) >> shift`` as a 16-bit number."""
        return (int(code) * int(weight) + int(rounding)) >> int(shift)

    def lower_half(byte: Any) -> int:
        """Return the lower four bits."""
        return int(byte) & 15

    def upper_half(byte: Any) -> int:
        """Return the upper four bits."""
        return int(byte) >> 4

    def plus(a: Any, b: Any) -> int:
        """Return ``a + b`` as a 16-bit number."""
        return int(a) + int(b)

    def lanes_at_least(values: Any, start: Any, threshold: Any) -> Any:
        """Return a 64-bit mask of ``values[start:start + 64] >= threshold``, lowest bit first."""
        mask = 0
        for lane in range(LANES):
            mask |= int(values[start + lane] >= threshold) << lane
        return mask

    def lanes_max(values: Any, start: Any) -> Any:
        """Return the maximum of ``values[start:start + 64]``."""
        return max(values[start : start + LANES])

    def bit_count(mask: Any) -> int:
        """Return how many bits of a mask are set."""
        return int(mask).bit_count()

    def lowest_bit(mask: Any) -> int:
        """Return the index of the lowest set bit of a non-zero mask."""
        return (int(mask) & -int(mask)).bit_length() - 1

    def prefetch(array: Any, index: Any) -> None:
        """Ask for the cache line of ``array[index]``; changes nothing."""

else:
    from llvmlite import ir
    from numba.core import cgutils
    from numba.extending import intrinsic

    _I8, _I16, _I32, _I64 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64)

    def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
        data = context.make_array(array_type)(context, builder, array).data
        return builder.gep(data, [index])

    def _lanes(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        vector = ir.VectorType(_I16, LANES)
        block = builder.load(builder.bitcast(pointer, vector.as_pointer()))
        block.align = 2
        return block

    @intrinsic
    def scaled(typing: Any, code: Any, weight: Any, shift: Any, rounding: Any) -> Any:
        """Return ``(code * weight + rounding) >> shift`` as a 16-bit number."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            code, weight, shift, rounding = args
            product = builder.mul(builder.zext(code, _I16), weight)
            return builder.lshr(builder.add(product, rounding), shift)

        u16 = types.uint16
        return u16(types.uint8, u16, u16, u16), codegen

    @intrinsic
    def lower_half(typing: Any, byte: Any) -> Any:
        """Return the lower four bits."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.and_(args[0], ir.Constant(_I8, 15))

        return types.uint8(types.uint8), codegen

    @intrinsic
    def upper_half(typing: Any, byte: Any) -> Any:
        """Return the upper four bits."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.lshr(args[0], ir.Constant(_I8, 4))

        return types.uint8(types.uint8), codegen

    @intrinsic
    def plus(typing: Any, a: Any, b: Any) -> Any:
        """Return ``a + b`` as a 16-bit number."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.add(*args)

        return types.uint16(types.uint16, types.uint16), codegen

    @intrinsic
    def lanes_at_least(typing: Any, values: Any, start: Any, threshold: Any) -> Any:
        """Return a 64-bit mask of ``values[start:start + 64] >= threshold``, lowest bit first."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            block = _lanes(context, builder, signature, args)
            one = builder.insert_element(
                ir.Constant(block.type, ir.Undefined), args[2], ir.Constant(_I32, 0)
            )
            zeros = ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES)
            threshold = builder.shuffle_vector(one, ir.Constant(block.type, ir.Undefined), zeros)
            return builder.bitcast(builder.icmp_unsigned(">=", block, threshold), _I64)

        return types.uint64(values, types.int64, types.uint16), codegen

    @intrinsic
    def lanes_max(typing: Any, values: Any, start: Any) -> Any:
        """Return the maximum of ``values[start:start + 64]``."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            block = _lanes(context, builder, signature, args)
            function = cgutils.get_or_insert_function(
                builder.module,
                ir.FunctionType(_I16, [block.type]),
                f"llvm.vector.reduce.umax.v{LANES}i16",
            )
            return builder.call(function, [block])

        return types.uint16(values, types.int64), codegen

    @intrinsic
    def bit_count(typing: Any, mask: Any) -> Any:
        """Return how many bits of a mask are set."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.ctpop(args[0])

        return types.int64(types.uint64), codegen

    @intrinsic
    def lowest_bit(typing: Any, mask: Any) -> Any:
        """Return the index of the lowest set bit of a non-zero mask."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

        return types.int64(types.uint64), codegen

    @intrinsic
    def prefetch(typing: Any, array: Any, index: Any) -> Any:
        """Ask for the cache line of ``array[index]``; changes nothing."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
            pointer = builder.bitcast(pointer, _I8.as_pointer())
            function = cgutils.get_or_insert_function(
                builder.module,
                ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32]),
                "llvm.prefetch.p0",
            )
            read, keep, data = (ir.Constant(_I32, value) for value in (0, 3, 1))
            builder.call(function, [pointer, read, keep, data])
            return context.get_dummy_value()

        return types.void(array, types.int64), codegen
