console.log("llmbench");
