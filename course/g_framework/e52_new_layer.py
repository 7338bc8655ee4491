"""The bank of 52, new_layer."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from minidl import functional as F
from minidl import layers


class GroupScale(layers.Layer):
    def __init__(self, groups, **kwargs):
        # begin
        super().__init__(**kwargs)
        self.groups = groups
        # end

    def build(self, input_shape):
        # begin
        self.scale = self.add_weight((input_shape[-1] // self.groups,), "ones", name="scale")
        # end

    def call(self, inputs):
        # begin
        parts = F.reshape(inputs, (-1, self.groups, inputs.shape[-1] // self.groups))
        y = F.reshape(parts * self.scale, (-1, *inputs.shape[1:]))
        return y
        # end

    def compute_output_shape(self, input_shape):
        # begin
        return input_shape
        # end

    def get_config(self):
        # begin
        return {**super().get_config(), "groups": self.groups}
        # end
""", "seen as groups")
bank.solution("""
from minidl import functional as F
from minidl.layers.base.elementwise import Elementwise
from minidl.layers.base.kinds import Positive


class GroupScale(Elementwise):
    groups: Positive

    def build(self, input_shape):
        size, left = divmod(input_shape[-1], self.groups)
        if left:
            raise ValueError(f"{self.name}: {input_shape[-1]} channels are not {self.groups} equal groups.")
        self.row = self.add_weight((size,), initializer="ones", name="row")

    def call(self, inputs):
        return inputs * F.concatenate([self.row] * self.groups, axis=0)
""", "a field, and a repeated row")
bank.solution("""
from minidl.functional import concatenate
from minidl.layers import Layer


class GroupScale(Layer):
    def __init__(self, groups=1, name=None, trainable=True, dtype=None):
        super().__init__(name=name, trainable=trainable, dtype=dtype)
        self.groups = int(groups)

    def build(self, shape):
        self.many = shape[-1] // self.groups
        self.w = self.add_weight([self.many], "ones", name="w")

    def call(self, x):
        parts = [x[..., g * self.many : (g + 1) * self.many] * self.w for g in range(self.groups)]
        return concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        config = super().get_config()
        config["groups"] = self.groups
        return config
""", "part by part")

WEIGHT = 'self.scale = self.add_weight((input_shape[-1] // self.groups,), "ones", name="scale")'
PARTS = "parts = F.reshape(inputs, (-1, self.groups, inputs.shape[-1] // self.groups))"
BACK = "y = F.reshape(parts * self.scale, (-1, *inputs.shape[1:]))"
IMPORT = "from minidl import functional as F\n => import numpy as np\n\nimport minidl\nfrom minidl import functional as F\n"
CONFIG = 'return {**super().get_config(), "groups": self.groups}'
bank.mistake("weight_in_init", "runs", "weight_in_init", "        self.groups = groups\n =>         self.groups = groups\n"
             '        self.scale = self.add_weight((groups,), "ones", name="scale")\n', f"        {WEIGHT}\n =>         pass\n")
bank.mistake("weight_in_call", "runs", "weights_grow", f"        {WEIGHT}\n =>         pass\n",
             f"        {PARTS}\n =>         {PARTS}\n        self.scale = self.add_weight((inputs.shape[-1] // self.groups,), "
             '"ones", name="scale")\n')
bank.mistake("plain_array", "runs", "plain_array", f"{WEIGHT} => self.scale = np.ones(input_shape[-1] // self.groups, 'float32')", IMPORT)
bank.mistake("variable_in_call", "runs", "plain_array", IMPORT, f"        {WEIGHT}\n =>         pass\n",
             "parts * self.scale => parts * minidl.Variable(np.ones(inputs.shape[-1] // self.groups, 'float32'))")
bank.mistake("not_trainable", "runs", "not_trainable", '"ones", name="scale") => "ones", trainable=False, name="scale")')
bank.mistake("numpy_of_the_weight", "runs", "no_gradient", "parts * self.scale => parts * self.scale.numpy()")
bank.mistake("fixed_batch", "runs", "fixed_batch", f"{WEIGHT} => self.batch = input_shape[0] or -1\n        {WEIGHT}",
             f"{BACK} => y = F.reshape(parts * self.scale, (self.batch, *inputs.shape[1:]))")
bank.mistake("two_axes_only", "runs", "two_axes_only", f"{BACK} => y = F.reshape(parts * self.scale, inputs.shape)",
             f"{PARTS} => parts = F.reshape(inputs, (inputs.shape[0], self.groups, inputs.shape[1] // self.groups))")
bank.mistake("flattened", "runs", "two_axes_only", f"{BACK} => y = F.reshape(parts * self.scale, (-1, inputs.shape[-1]))")
bank.mistake("config_without_groups", "runs", "config_without_groups", f"{CONFIG} => return super().get_config()")
bank.mistake("config_without_groups_default", "runs", "config_without_groups", "groups, **kwargs => groups=1, **kwargs",
             f"{CONFIG} => return super().get_config()")
bank.mistake("config_without_super", "values", "config_without_super", f'{CONFIG} => return {{"groups": self.groups}}')
bank.mistake("no_kwargs", "runs", "kwargs", "groups, **kwargs => groups", "super().__init__(**kwargs) => super().__init__()")
bank.mistake("no_super", "runs", "no_super", "        super().__init__(**kwargs)\n =>")
bank.mistake("told_groups", "values", "told_shape", "return input_shape => return (*input_shape[:-1], self.groups)")
bank.mistake("told_without_batch", "values", "told_shape", "return input_shape => return input_shape[1:]")
bank.mistake("interleaved", "values", "interleaved", f"{PARTS} => parts = F.reshape(inputs, (-1, inputs.shape[-1] // self.groups, self.groups))",
             "parts * self.scale => parts * F.reshape(self.scale, (-1, 1))")
bank.mistake("weight_of_groups", "runs", "weight_of_wrong_size", "(input_shape[-1] // self.groups,), => (self.groups,),",
             "parts * self.scale => parts * F.reshape(self.scale, (-1, 1))")
bank.mistake("weight_of_channels", "runs", "weight_of_wrong_size", "(input_shape[-1] // self.groups,), => (input_shape[-1],),",
             f"        {PARTS}\n => ", f"{BACK} => y = inputs * self.scale")
bank.mistake("starts_at_random", "values", "starts_elsewhere", '"ones", name="scale" => name="scale"')
bank.mistake("starts_at_0", "values", "starts_elsewhere", '"ones", name="scale" => "zeros", name="scale"')
bank.mistake("no_return", "runs", "no_return", "        return y\n =>")
bank.mistake("kwargs_dropped", "values", "kwargs", "super().__init__(**kwargs) => super().__init__()")
bank.mistake("repeat_for_tile", "values", "interleaved", source="""
from minidl import functional as F
from minidl import layers


class GroupScale(layers.Layer):
    def __init__(self, groups, **kwargs):
        super().__init__(**kwargs)
        self.groups = groups

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1] // self.groups,), "ones", name="scale")

    def call(self, inputs):
        each = inputs.shape[-1] // self.groups
        split = F.reshape(inputs, (*inputs.shape[:-1], each, self.groups))
        scale = F.reshape(self.scale, (each, 1))
        return F.reshape(split * scale, inputs.shape)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "groups": self.groups}
""")
bank.mistake("config_of_the_base", "runs", "config_without_groups", source="""
from minidl import functional as F
from minidl import layers


class GroupScale(layers.Layer):
    def __init__(self, groups, **kwargs):
        super().__init__(**kwargs)
        self.groups = groups

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1] // self.groups,), "ones", name="scale")

    def call(self, inputs):
        shape = inputs.shape
        x = F.reshape(inputs, (*shape[:-1], self.groups, shape[-1] // self.groups))
        return F.reshape(x * self.scale, shape)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        return config
""")
bank.mistake("init_zeros", "values", "starts_elsewhere", source="""
from minidl import functional as F
from minidl import layers


class GroupScale(layers.Layer):
    def __init__(self, groups, **kwargs):
        super().__init__(**kwargs)
        self.groups = groups

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1] // self.groups,), "zeros", name="scale")

    def call(self, inputs):
        shape = inputs.shape
        x = F.reshape(inputs, (*shape[:-1], self.groups, shape[-1] // self.groups))
        return F.reshape(x * self.scale, shape)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "groups": self.groups}
""")
bank.mistake("again_interleaved", "values", "interleaved", source="""
from minidl import functional as F
from minidl import layers


class GroupScale(layers.Layer):
    def __init__(self, groups, **kwargs):
        super().__init__(**kwargs)
        self.groups = groups

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1] // self.groups,), "ones", name="scale")

    def call(self, inputs):
        shape = inputs.shape
        parts = F.reshape(inputs, (*shape[:-1], shape[-1] // self.groups, self.groups))
        return F.reshape(parts * F.reshape(self.scale, (-1, 1)), shape)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "groups": self.groups}
""")
bank.mistake("again_config", "values", "config_without_super", source="""
from minidl import functional as F
from minidl import layers


class GroupScale(layers.Layer):
    def __init__(self, groups, **kwargs):
        super().__init__(**kwargs)
        self.groups = groups

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1] // self.groups,), "ones", name="scale")

    def call(self, inputs):
        shape = inputs.shape
        parts = F.reshape(inputs, (*shape[:-1], self.groups, shape[-1] // self.groups))
        return F.reshape(parts * self.scale, shape)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {"groups": self.groups}
""")
