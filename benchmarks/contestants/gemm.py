"""The machine's own rate: products of square matrices. An "image" is one product; facts say its FLOPs.

python gemm.py <float32|mixed_bfloat16>
"""

import sys

from windows import serve

from alexvgg.networks import runtime

SIDE = 4096


def main(precision: str) -> None:
    tf = runtime.start(precision, 0)
    dtype = tf.float32 if precision == "float32" else tf.bfloat16
    a, b = (tf.cast(tf.random.stateless_normal([SIDE, SIDE], seed=[0, i]), dtype) for i in (0, 1))
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(a, b)[0]))
    serve(lambda: float(product()), 1, flops=2 * SIDE**3)


if __name__ == "__main__":
    main(sys.argv[1])
