"""The machine's own rate: products of square matrices, float32. An "image" is one product; facts say its FLOPs."""

from windows import serve

from alexvgg.networks import runtime

SIDE = 4096


def main() -> None:
    tf = runtime.start("float32", 0)
    a, b = (tf.random.stateless_normal([SIDE, SIDE], seed=[0, i]) for i in (0, 1))
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(a, b)[0]))
    serve(lambda: float(product()), 1, flops=2 * SIDE**3)


if __name__ == "__main__":
    main()
